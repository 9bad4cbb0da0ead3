//! A server on this machine that speaks TLS, with a certificate of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Result;
use axum::Router;
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Answers at 127.0.0.1 until it is dropped.
pub(crate) struct TlsServer {
    /// What to trust to reach it, PEM.
    pub(crate) certificate: String,
    _task: JoinSet<()>,
}

impl TlsServer {
    /// # Errors
    /// When the listener is of no use.
    pub(crate) fn start(listener: std::net::TcpListener, router: Router) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let identity = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
        let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![identity.cert.der().clone()], key.into())?;
        let listener = TlsListener {
            listener: TcpListener::from_std(listener)?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { certificate: identity.cert.pem(), _task: task })
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, from) = axum::serve::Listener::accept(&mut self.listener).await;
            if let Ok(secured) = self.acceptor.accept(connection).await {
                return (secured, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
