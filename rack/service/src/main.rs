//! The rack service: `rack::Book` over HTTP, with a memory.

mod clock;
mod control;
mod house;
mod lines;
mod listener;
mod memory;
mod secrets;
mod serve;
mod settings;
mod shelf;
mod token;
mod web;

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lines::start();
    match serve::serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", lines::chain(&error));
            ExitCode::FAILURE
        }
    }
}
