//! Every test that needs more than one crate: one binary, one subject per file.

mod answers;
mod baseline;
mod boot;
mod faults;
mod firmware;
mod forecast;
mod git;
mod house;
mod image_install;
mod install;
mod installer;
mod interruption;
mod kernels;
mod machines;
mod ntpd;
mod packages;
mod pages;
mod proxy_dhcp;
mod rack;
mod registry;
mod rehearsal;
mod services;
mod store;
mod systemd;
mod units;
mod yum;
