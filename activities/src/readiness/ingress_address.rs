//! Where the ingress controller listens, if the names of previews do not lead there from here.

use std::{fmt, io, net::SocketAddr, str::FromStr};

use ::url::Host;
use tokio::net::lookup_host;

/// An address or a name, and a port: `10.0.0.7:80`, `traefik.kube-system.svc:80`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressAddress {
    host: Host,
    port: u16,
}

/// The text is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a name with a port, such as 10.0.0.7:80 or traefik.kube-system.svc:80")]
pub struct InvalidIngressAddress;

impl IngressAddress {
    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Asked each time, because what a name leads to changes.
    ///
    /// # Errors
    /// If it leads nowhere.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let host = match &self.host {
            Host::Domain(name) => name.as_str(),
            Host::Ipv4(address) => return Ok(vec![(*address, self.port).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address, self.port).into()]),
        };
        let found: Vec<_> = lookup_host((host, self.port)).await?.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
        }
        Ok(found)
    }
}

impl FromStr for IngressAddress {
    type Err = InvalidIngressAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidIngressAddress)?;
        let host = Host::parse(host).map_err(|_| InvalidIngressAddress)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(InvalidIngressAddress)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for IngressAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in ["127.0.0.1:8088", "[::1]:80", "traefik.kube-system.svc:80", "cluster:80"] {
            assert_eq!(
                text.parse::<IngressAddress>().map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "cluster",
            ":80",
            "cluster:",
            "cluster:0",
            "cluster:65536",
            "http://cluster:80",
            "::1:80",
        ] {
            assert_eq!(text.parse::<IngressAddress>(), Err(InvalidIngressAddress), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_name_leads_where_the_resolver_says() {
        let address: IngressAddress = "localhost:80".parse().unwrap();
        let found = address.resolve().await.unwrap();
        assert!(found.iter().all(|found| found.ip().is_loopback() && found.port() == 80), "{found:?}");
        let nowhere: IngressAddress = "nowhere.invalid:80".parse().unwrap();
        assert!(nowhere.resolve().await.is_err());
    }
}
