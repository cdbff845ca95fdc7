//! The places that may be reached although they are private: `GOALWRIGHT_OUTBOUND_ALLOW`.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use url::Host;

/// What an operator trusts: hosts by name, hosts with a port, and networks. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    hosts: Arc<[(Host, Option<u16>)]>,
    networks: Arc<[IpNet]>,
}

/// An item that is neither a host, a host with a port, nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{item}` {reason}")]
pub struct AllowError {
    /// The item as it was written.
    pub item: String,
    /// What is wrong with it.
    pub reason: String,
}

enum Item {
    Host(Host, Option<u16>),
    Network(IpNet),
}

impl AllowList {
    /// Whether a URL with this host and port may be reached whatever its name resolves to. An item without a port
    /// holds for every port.
    pub(super) fn names(&self, host: &Host<&str>, port: Option<u16>) -> bool {
        let host = bare(host);
        self.hosts.iter().any(|(known, only)| *known == host && (only.is_none() || *only == port))
    }

    /// Whether this address is in a network that may be reached.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// A host without the dot that may end a name.
fn bare(host: &Host<&str>) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_suffix('.').unwrap_or(name).to_owned()),
        other => other.to_owned(),
    }
}

impl FromStr for AllowList {
    type Err = AllowError;

    /// Reads a comma list of `host`, `host:port`, addresses and CIDR networks; empty allows nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut hosts, mut networks) = (Vec::new(), Vec::new());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match read(item).map_err(|reason| AllowError { item: shortened(item), reason })? {
                Item::Host(host, port) => hosts.push((host, port)),
                Item::Network(network) => networks.push(network),
            }
        }
        Ok(Self { hosts: hosts.into(), networks: networks.into() })
    }
}

fn read(item: &str) -> Result<Item, String> {
    if item.contains("://") {
        return Err("is a URL; give only its host, or host and port".to_owned());
    }
    if item.contains('*') {
        return Err("has a wildcard, and there are none; give each host, or a network".to_owned());
    }
    if item.contains('/') {
        let network: IpNet =
            item.parse().map_err(|_| "is no network such as 10.1.0.0/16 or fd00:1::/32".to_owned())?;
        if network.trunc() != network {
            return Err(format!("has bits behind its prefix; write {}", network.trunc()));
        }
        return Ok(Item::Network(network));
    }
    if let Ok(address) = item.parse::<IpAddr>() {
        return Ok(Item::Network(address.to_canonical().into()));
    }
    let (host, port) = match item.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let known = port.parse::<u16>().ok().filter(|port| *port > 0);
            (host, Some(known.ok_or_else(|| format!("has the port `{port}`; ports are 1 to 65535"))?))
        }
        _ => (item, None),
    };
    let parsed = Host::parse(host).map_err(|error| format!("names no possible host: {error}"))?;
    Ok(match (bare(&borrowed(&parsed)), port) {
        (Host::Ipv4(address), None) => Item::Network(IpAddr::from(address).into()),
        (Host::Ipv6(address), None) => Item::Network(IpAddr::from(address).to_canonical().into()),
        (host, port) => Item::Host(host, port),
    })
}

fn borrowed(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

fn shortened(item: &str) -> String {
    // An item may be a whole URL with a password in front of its host.
    let item = item.rsplit('@').next().unwrap_or(item);
    item.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> AllowList {
        text.parse().expect(text)
    }

    #[test]
    fn hosts_ports_and_networks_are_told_apart() {
        let allowed =
            list(" db.Internal , cache.internal:6379, 10.1.0.0/16,::1, 127.0.0.1:8080,[fd00::7]:443,");
        let names = |host: &str, port| allowed.names(&borrowed(&Host::parse(host).expect(host)), Some(port));
        assert!(names("db.internal", 1) && names("DB.internal.", 443));
        assert!(names("cache.internal", 6379) && !names("cache.internal", 80));
        assert!(names("127.0.0.1", 8080) && !names("127.0.0.1", 80) && names("0x7f.1", 8080));
        assert!(names("[fd00::7]", 443) && !names("other.internal", 443) && !names("x.db.internal", 1));
        let contains = |address: &str| allowed.contains(address.parse().expect(address));
        assert!(contains("10.1.255.255") && contains("::ffff:10.1.0.1") && contains("::1"));
        assert!(!contains("10.2.0.0") && !contains("127.0.0.1") && !contains("fd00::7"));
        assert_eq!(list(""), AllowList::default());
        assert_eq!(list("0x7f.1"), list("127.0.0.1/32"));
    }

    #[test]
    fn a_mistake_names_its_item() {
        for (text, said) in [
            ("a.b, http://c.d:80/", "`http://c.d:80/` is a URL"),
            ("https://ann:pw@c.d", "`c.d` is a URL"),
            ("*.internal", "`*.internal` has a wildcard"),
            ("10.0.0.0/33", "`10.0.0.0/33` is no network"),
            ("10.0.0.5/8", "`10.0.0.5/8` has bits behind its prefix; write 10.0.0.0/8"),
            ("a.b:0", "`a.b:0` has the port `0`"),
            ("a.b:http", "`a.b:http` has the port `http`"),
            ("a.b:70000", "`a.b:70000` has the port `70000`"),
            ("fd00::zz", "`fd00::zz` has the port `zz`"),
            ("[fd00::zz]", "`[fd00::zz]` names no possible host"),
            ("a b", "`a b` names no possible host"),
            (":80", "`:80` names no possible host"),
        ] {
            let error = text.parse::<AllowList>().expect_err(text).to_string();
            assert!(error.starts_with(said), "{text}: {error}");
        }
    }
}
