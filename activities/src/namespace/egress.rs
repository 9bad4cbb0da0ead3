//! What the pods of a preview may reach: their own, name servers, and what the operators have a name for and
//! the repository has chosen.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::listed::listed;

/// What is not the Internet: private, link-local and special ranges. So neither the cluster nor the metadata
/// address of a cloud is among what `internet` opens.
const NOT_THE_INTERNET_V4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
];
const NOT_THE_INTERNET_V6: &[&str] = &["::/96", "64:ff9b::/96", "fc00::/7", "fe80::/10", "ff00::/8"];
/// Longest name of a destination, in bytes.
const NAME_MAX: usize = 40;
const DNS: u16 = 53;

/// Who answers questions for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer(Peer);

/// What operators let previews reach, under a name that repositories choose it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    name: String,
    place: Place,
    port: Option<(u16, Protocol)>,
}

/// All of them. Several may share a name: they are chosen together.
#[derive(Clone, Debug, Default)]
pub struct Destinations(BTreeMap<String, Vec<Destination>>);

/// A repository has chosen what operators have no name for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct UnknownDestination {
    name: String,
    known: Vec<String>,
}

/// The text names no name server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no name server: expected an address, a network, or pods as `kube-system/k8s-app=kube-dns`"
)]
pub struct InvalidNameServer(String);

/// The text names no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no destination: expected, for example, `mail=10.1.2.3:25`, `lab=10.20.0.0/16` or `web=internet:443`"
)]
pub struct InvalidDestination(String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Peer {
    Network(IpNet),
    Pods {
        namespace: String,
        label: (String, String),
        port: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Internet,
    Network(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
}

impl Destinations {
    /// All of these.
    #[must_use]
    pub fn new(all: Vec<Destination>) -> Self {
        let mut named: BTreeMap<String, Vec<Destination>> = BTreeMap::new();
        for destination in all {
            named.entry(destination.name.clone()).or_default().push(destination);
        }
        Self(named)
    }

    /// Those that a repository has chosen.
    pub(crate) fn choose(&self, names: &[String]) -> Result<Vec<Destination>, UnknownDestination> {
        let chosen = names.iter().map(|name| {
            self.0.get(name).cloned().ok_or_else(|| UnknownDestination {
                name: name.clone(),
                known: self.0.keys().cloned().collect(),
            })
        });
        Ok(chosen.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl fmt::Display for UnknownDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this service has no destination `{}`", self.name)?;
        if self.known.is_empty() {
            f.write_str("; its operators let previews reach nothing outside")
        } else {
            write!(f, ", only {}", listed(&self.known))
        }
    }
}

/// The network policy for what goes out.
pub(super) fn policy(name_servers: &[NameServer], chosen: &[Destination]) -> Value {
    let own_pods = json!({ "to": [{ "podSelector": {} }] });
    let names = name_servers.iter().map(NameServer::rule);
    let rules: Vec<_> = [own_pods]
        .into_iter()
        .chain(names)
        .chain(chosen.iter().map(Destination::rule))
        .collect();
    json!({ "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": rules } })
}

impl NameServer {
    fn rule(&self) -> Value {
        let (to, port) = match &self.0 {
            Peer::Network(network) => (json!({ "ipBlock": { "cidr": network } }), DNS),
            Peer::Pods { namespace, label: (key, value), port } => (
                json!({
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                    "podSelector": { "matchLabels": { key: value } },
                }),
                *port,
            ),
        };
        json!({ "to": [to], "ports": [{ "port": port, "protocol": "UDP" }, { "port": port, "protocol": "TCP" }] })
    }
}

impl Destination {
    fn rule(&self) -> Value {
        let to = match self.place {
            Place::Network(network) => json!([{ "ipBlock": { "cidr": network } }]),
            Place::Internet => json!([
                { "ipBlock": { "cidr": "0.0.0.0/0", "except": NOT_THE_INTERNET_V4 } },
                { "ipBlock": { "cidr": "::/0", "except": NOT_THE_INTERNET_V6 } },
            ]),
        };
        let mut rule = json!({ "to": to });
        if let Some((port, protocol)) = self.port {
            let protocol = match protocol {
                Protocol::Tcp => "TCP",
                Protocol::Udp => "UDP",
            };
            rule["ports"] = json!([{ "port": port, "protocol": protocol }]);
        }
        rule
    }
}

impl FromStr for NameServer {
    type Err = InvalidNameServer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(network) = network(text) {
            return Ok(Self(Peer::Network(network)));
        }
        let pods = || {
            let (namespace, rest) = text.split_once('/')?;
            let (label, port) = match rest.rsplit_once(':') {
                Some((label, port)) => (label, port.parse().ok()?),
                None => (rest, DNS),
            };
            let (key, value) = label.split_once('=')?;
            let is_name = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
            };
            [namespace, key, value].into_iter().all(is_name).then(|| Peer::Pods {
                namespace: namespace.to_owned(),
                label: (key.to_owned(), value.to_owned()),
                port,
            })
        };
        pods().map(Self).ok_or_else(|| InvalidNameServer(shortened(text)))
    }
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (name, rest) = text.split_once('=')?;
            let is_name = (1..=NAME_MAX).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            let (place, port) = split_port(rest)?;
            let place = if place == "internet" {
                Place::Internet
            } else {
                Place::Network(network(place)?)
            };
            is_name.then(|| Self { name: name.to_owned(), place, port })
        };
        parse().ok_or_else(|| InvalidDestination(shortened(text)))
    }
}

/// A network, or one address as a network of its own.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))?;
    Some(network.trunc())
}

/// `10.1.2.3:25`, `[fd00::/8]:53/udp`: the colons of an IPv6 network are none of a port.
fn split_port(text: &str) -> Option<(&str, Option<(u16, Protocol)>)> {
    let (place, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (place, rest) = bracketed.split_once(']')?;
            (place, rest.strip_prefix(':'))
        }
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(place, port)| (place, Some(port))),
    };
    let Some(port) = port else {
        return Some((place, None));
    };
    let (port, protocol) = match port.split_once('/') {
        None => (port, Protocol::Tcp),
        Some((port, "tcp")) => (port, Protocol::Tcp),
        Some((port, "udp")) => (port, Protocol::Udp),
        Some(_) => return None,
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some((place, Some((port, protocol))))
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn destination(text: &str) -> Destination {
        text.parse().expect("a destination")
    }

    #[test]
    fn what_is_opened_is_what_was_named() {
        let rule = |text| destination(text).rule();
        assert_eq!(
            rule("mail=10.1.2.3:25"),
            json!({ "to": [{ "ipBlock": { "cidr": "10.1.2.3/32" } }], "ports": [{ "port": 25, "protocol": "TCP" }] })
        );
        assert_eq!(rule("lab=10.20.0.7/16"), json!({ "to": [{ "ipBlock": { "cidr": "10.20.0.0/16" } }] }));
        assert_eq!(
            rule("v6=[fd00::/8]:53/udp"),
            json!({ "to": [{ "ipBlock": { "cidr": "fd00::/8" } }], "ports": [{ "port": 53, "protocol": "UDP" }] })
        );
        assert_eq!(rule("v6=fd00::1"), json!({ "to": [{ "ipBlock": { "cidr": "fd00::1/128" } }] }));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "",
            "mail",
            "mail=",
            "=10.0.0.1",
            "Mail=10.0.0.1",
            "m=10.0.0.1:0",
            "m=10.0.0.1:70000",
            "m=10.0.0.1:25/sctp",
            "m=example.com:443",
            "m=10.0.0.0/33",
            "m=[fd00::1:443",
            "m=internet:https",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
        for text in [
            "",
            "kube-system",
            "kube-system/",
            "kube-system/k8s-app",
            "a/b=c:x",
            "10.0.0.0/40",
            "a b/c=d",
        ] {
            assert!(text.parse::<NameServer>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_asked_of_pods_or_of_addresses() {
        let rule = |text: &str| text.parse::<NameServer>().expect("a name server").rule();
        assert_eq!(rule("169.254.20.10")["to"], json!([{ "ipBlock": { "cidr": "169.254.20.10/32" } }]));
        assert_eq!(
            rule("openshift-dns/dns.operator.openshift.io/daemonset-dns=default:5353"),
            json!({
                "to": [{
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "openshift-dns" } },
                    "podSelector": { "matchLabels": { "dns.operator.openshift.io/daemonset-dns": "default" } },
                }],
                "ports": [{ "port": 5353, "protocol": "UDP" }, { "port": 5353, "protocol": "TCP" }],
            })
        );
    }

    #[test]
    fn a_repository_chooses_by_name() {
        let all = ["web=internet:443", "web=internet:80", "mail=10.1.2.3:25"].map(destination);
        let destinations = Destinations::new(all.clone().into());
        assert_eq!(destinations.choose(&["web".to_owned()]), Ok(all[..2].to_vec()));
        assert_eq!(destinations.choose(&[]), Ok(vec![]));
        let unknown = |destinations: &Destinations| {
            destinations.choose(&["lab".to_owned()]).expect_err("there is none").to_string()
        };
        assert_eq!(unknown(&destinations), "this service has no destination `lab`, only `mail`, `web`");
        assert_eq!(
            unknown(&Destinations::default()),
            "this service has no destination `lab`; its operators let previews reach nothing outside"
        );
    }

    #[test]
    fn the_policy_is_one_that_kubernetes_takes() {
        use k8s_openapi::api::networking::v1::NetworkPolicy;
        let servers =
            ["kube-system/k8s-app=kube-dns", "169.254.20.10"].map(|text| text.parse().expect("a server"));
        let manifest = policy(&servers, &[destination("web=internet:443"), destination("lab=10.0.0.0/8")]);
        let typed: NetworkPolicy = serde_json::from_value(manifest.clone()).expect("a policy");
        let known = serde_json::to_value(typed).expect("json");
        assert_eq!(known["spec"], manifest["spec"]);
    }

    fn excluded(address: IpAddr) -> bool {
        let ranges = if address.is_ipv4() {
            NOT_THE_INTERNET_V4
        } else {
            NOT_THE_INTERNET_V6
        };
        ranges
            .iter()
            .any(|range| range.parse::<IpNet>().expect("a constant").contains(&address))
    }

    proptest! {
        #[test]
        fn no_private_address_is_the_internet(bits in any::<u32>(), wide in any::<u128>()) {
            let v4 = Ipv4Addr::from(bits);
            let is_special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_unspecified();
            prop_assert!(!is_special || excluded(v4.into()), "{v4}");
            let v6 = Ipv6Addr::from(wide);
            let is_special = v6.is_loopback() || v6.is_multicast() || v6.is_unspecified() || v6.is_unique_local()
                || v6.is_unicast_link_local();
            prop_assert!(!is_special || excluded(v6.into()), "{v6}");
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "[a-z0-9=:./\\[\\]-]{0,30}") {
            let _ = text.parse::<Destination>();
            let _ = text.parse::<NameServer>();
        }
    }

    #[test]
    fn the_metadata_address_and_the_cluster_are_not_the_internet() {
        for address in ["169.254.169.254", "10.96.0.1", "172.20.0.1", "192.168.1.1", "fd00:ec2::254"] {
            assert!(excluded(address.parse().expect("an address")), "{address}");
        }
        for address in ["8.8.8.8", "140.82.112.3", "2001:4860:4860::8888"] {
            assert!(!excluded(address.parse().expect("an address")), "{address}");
        }
    }
}
