//! A server on this machine that speaks TLS, with a certificate of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Result;
use axum::Router;
use jiff::{Timestamp, tz::TimeZone};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
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
    /// Where it listens.
    pub(crate) port: u16,
    _task: JoinSet<()>,
}

impl TlsServer {
    /// # Errors
    /// When the listener is of no use.
    pub(crate) fn start(listener: std::net::TcpListener, router: Router) -> Result<Self> {
        let parameters = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()])?;
        Self::serve(listener, router, &parameters)
    }

    /// One of this name, on a port of its own, whose certificate ends with the day of `until`.
    ///
    /// # Errors
    /// When no port is left.
    pub(crate) fn of_a_name(name: &str, until: Timestamp) -> Result<Self> {
        let day = until.to_zoned(TimeZone::UTC).date();
        let mut parameters = CertificateParams::new([name.to_owned()])?;
        parameters.not_after =
            date_time_ymd(day.year().into(), day.month().try_into()?, day.day().try_into()?);
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::serve(listener, Router::new(), &parameters)
    }

    fn serve(
        listener: std::net::TcpListener,
        router: Router,
        parameters: &CertificateParams,
    ) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let signing_key = KeyPair::generate()?;
        let certificate = parameters.self_signed(&signing_key)?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;
        let listener = TlsListener {
            listener: TcpListener::from_std(listener)?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { certificate: certificate.pem(), port, _task: task })
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
