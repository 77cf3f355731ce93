//! ntpd: chrony, which tells the host's time on the bridge and never touches the host's clock.

use super::{ConfigFile, OnChange, Probe, ServiceSpec, common};
use crate::service::Service;
use crate::site::Site;

pub(super) fn spec(site: &Site) -> ServiceSpec {
    let probe = Probe::Ntp { address: site.hosts.of(Service::Ntpd).address };
    let mut spec = common(site, Service::Ntpd, probe);
    spec.user = Some("972:972".into());
    spec.tmpfs = vec![("/run", "size=1m,mode=0755,uid=972,gid=972")];
    spec.memory = 64 << 20;
    spec.pids = 32;
    spec.files = vec![ConfigFile::new(
        site.layout.rendered(Service::Ntpd).join("chrony.conf"),
        chrony_conf(site),
        OnChange::Replace,
    )];
    spec
}

fn chrony_conf(site: &Site) -> String {
    let servers = site
        .ntpd
        .upstreams
        .iter()
        .fold(String::new(), |servers, server| servers + "server " + server + " iburst\n");
    format!(
        "# Rendered by runctl from ntpd.toml.
{servers}allow {subnet}
# The host's clock is told as it is where no server can be asked.
local stratum {stratum}
port 123
# Nobody commands it.
cmdport 0
bindcmdaddress /
pidfile /run/chronyd.pid
",
        subnet = site.subnet,
        stratum = site.ntpd.local_stratum,
    )
}
