//! The way to a registry: its name, and a connection to it or to the proxy before it.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use bulla_schemas::report::{Finding, Step};
use url::Url;

const STEP: Step = Step::Network;
/// How long one address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Resolves the name and connects, to the proxy where there is one.
pub(super) fn examine(url: &Url, proxy: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let proxy: Option<Url> = proxy.and_then(|proxy| proxy.parse().ok());
    if let Some(proxy) = &proxy {
        let found = format!("{url} is asked through the proxy {proxy}, as the environment says");
        findings.push(Finding::ok(STEP, found));
    }
    let target = proxy.as_ref().unwrap_or(url);
    let (Some(host), Some(port)) = (target.host_str(), target.port_or_known_default()) else {
        return findings;
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match (name, port).to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let hint = "check `/etc/resolv.conf`, and the name in the host file";
            let found = format!("the name `{name}` cannot be resolved: {error}");
            findings.push(Finding::failed(STEP, found, Some(hint.to_owned())));
            return findings;
        }
    };
    if name.parse::<std::net::IpAddr>().is_err() {
        let list: Vec<_> = addresses.iter().map(|one| one.ip().to_string()).collect();
        findings.push(Finding::ok(
            STEP,
            format_args!("`{name}` is {}", list.join(", ")),
        ));
    }
    findings.push(connect(&addresses));
    findings
}

fn connect(addresses: &[SocketAddr]) -> Finding {
    let mut problems = Vec::new();
    for address in addresses {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(_) => return Finding::ok(STEP, format_args!("{address} takes connections")),
            Err(error) => problems.push(format!("{address}: {error}")),
        }
    }
    Finding::failed(
        STEP,
        format_args!("no connection: {}", problems.join("; ")),
        Some("check that it runs, and the firewalls and routes between".to_owned()),
    )
}
