//! What can be chosen about a stack.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::images::ImportCommand;
use crate::ports::{NoFreePort, free_ports, never_choose};
use crate::published::Published;

/// The longest path of a Unix socket, less what the stack appends to its state folder.
const LONGEST_STATE: usize = 107 - "/cluster/containerd/root/io.containerd.sock".len();

/// Everything that can be chosen.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// Absolute path of the folder for state and logs; one running stack each.
    pub state: PathBuf,
    /// The ports that people and tests use.
    pub ports: Ports,
    /// Where previews run.
    pub cluster: ClusterChoice,
    /// How long a preview lives unless the request says otherwise; the worker's own default if absent.
    pub ttl: Option<String>,
    /// With whom it shares a network, if the stack runs in a container among others.
    pub neighbours: Option<Neighbours>,
}

/// What the containers beside the stack's own, and the stack itself, have to know of one another.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// Under which name they reach the cluster.
    pub own_name: String,
    /// The registry that the node pulls from, without TLS: `registry:5000`.
    pub registry: String,
}

/// Where previews run.
#[derive(Clone, Debug)]
pub enum ClusterChoice {
    /// A cluster of our own, in the stack.
    Embedded,
    /// The person's own.
    Existing(ExistingCluster),
}

/// A cluster that was there before; the stack starts neither Kubernetes nor an ingress.
#[derive(Clone, Debug)]
pub struct ExistingCluster {
    /// The kubeconfig's path.
    pub kubeconfig: PathBuf,
    /// A context in it, always named by the person.
    pub context: String,
    /// Previews are served under names below this one.
    pub preview_domain: String,
    /// Where its ingress listens.
    pub ingress_address: SocketAddr,
    /// The ingress class that previews name.
    pub ingress_class: String,
    /// The command that brings an image archive into the cluster.
    pub image_import: ImportCommand,
}

/// Ports on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Ports {
    pub github: u16,
    pub webhook: u16,
    pub temporal: u16,
    pub temporal_ui: u16,
    pub ingress: u16,
    pub api_server: u16,
}

/// Why the options cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum OptionsError {
    #[error("port {port}, for {purpose}, is taken ({source}); choose another with {option}")]
    PortTaken {
        port: u16,
        purpose: &'static str,
        option: &'static str,
        source: io::Error,
    },
    #[error("the state folder {} is too long a path for the sockets in it ({} bytes, at most {LONGEST_STATE}); choose another with --state", .0.display(), .0.as_os_str().len())]
    StateTooLong(PathBuf),
}

impl Ports {
    /// With their purposes and options; the last two are the embedded cluster's.
    fn named(&self) -> [(u16, &'static str, &'static str); 6] {
        [
            (self.github, "the GitHub stand-in", "--github-port"),
            (self.webhook, "the webhook", "--webhook-port"),
            (self.temporal, "Temporal", "--temporal-port"),
            (self.temporal_ui, "Temporal's UI", "--ui-port"),
            (self.ingress, "the ingress", "--ingress-port"),
            (self.api_server, "the Kubernetes API", "--apiserver-port"),
        ]
    }
}

impl StackOptions {
    /// An embedded stack on free ports, for tests: it gets in the way of no other.
    ///
    /// # Errors
    /// When the machine has no free port.
    pub fn ephemeral(state: PathBuf) -> Result<Self, NoFreePort> {
        let [github, webhook, temporal, temporal_ui, ingress, api_server] = free_ports()?;
        let ports = Ports { github, webhook, temporal, temporal_ui, ingress, api_server };
        Ok(Self {
            state,
            ports,
            cluster: ClusterChoice::Embedded,
            ttl: None,
            neighbours: None,
        })
    }

    /// Takes the ports, or finds out now what would otherwise stop a part much later. Beside a person's own
    /// cluster the parts take them themselves.
    ///
    /// # Errors
    /// When a port is taken, or the state folder is of no use.
    pub fn take_ports(&self) -> Result<Published, OptionsError> {
        if self.state.as_os_str().len() > LONGEST_STATE {
            return Err(OptionsError::StateTooLong(self.state.clone()));
        }
        let take = |(port, purpose, option)| {
            never_choose(port);
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| OptionsError::PortTaken {
                port,
                purpose,
                option,
                source,
            })
        };
        let named = self.ports.named().into_iter();
        match self.cluster {
            ClusterChoice::Embedded => Ok(Published::new(named.map(take).collect::<Result<_, _>>()?)),
            ClusterChoice::Existing(_) => {
                named.take(4).try_for_each(|port| take(port).map(drop))?;
                Ok(Published::default())
            }
        }
    }

    /// Below the state folder.
    #[must_use]
    pub fn folder(&self, name: impl AsRef<Path>) -> PathBuf {
        self.state.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_an_ephemeral_stack_differ() {
        let mut ports = StackOptions::ephemeral("/a".into())
            .unwrap()
            .ports
            .named()
            .map(|(port, ..)| port)
            .to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 6);
    }

    #[test]
    fn a_taken_port_is_named_with_its_option() {
        let options = StackOptions::ephemeral("/a".into()).unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, options.ports.ingress)).unwrap();
        let message = options.take_ports().unwrap_err().to_string();
        assert!(message.contains("the ingress") && message.contains("--ingress-port"), "{message}");
    }

    #[test]
    fn a_state_folder_too_deep_for_sockets_is_refused() {
        let options = StackOptions::ephemeral(format!("/{}", "x".repeat(90)).into()).unwrap();
        assert!(matches!(options.take_ports(), Err(OptionsError::StateTooLong(_))));
    }
}
