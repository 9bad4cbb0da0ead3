//! Callers with real sockets, well-behaved and not.

use std::{io, net::SocketAddr};

use axum::body::to_bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::service::Delivery;

/// A request as bytes: its head, and its body.
pub(crate) async fn bytes(delivery: Delivery) -> (Vec<u8>, Vec<u8>) {
    let (parts, body) = delivery.into_request().into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    let mut head = format!("{} {} HTTP/1.1\r\nhost: x\r\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        head += &format!("{name}: {}\r\n", value.to_str().expect("text"));
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    (head.into_bytes(), body)
}

/// Sends a delivery, and returns all that comes back until the connection is closed.
pub(crate) async fn exchange(address: SocketAddr, delivery: Delivery) -> String {
    let (head, body) = bytes(delivery).await;
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(&head).await.expect("a head");
    connection.write_all(&body).await.expect("a body");
    read_all(&mut connection).await.expect("an answer")
}

/// Sends the head of a delivery and the first byte of its body, and leaves it at that.
pub(crate) async fn stall(address: SocketAddr, delivery: Delivery) -> TcpStream {
    let (head, body) = bytes(delivery).await;
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(&head).await.expect("a head");
    connection.write_all(&body[..1]).await.expect("a byte");
    connection
}

pub(crate) async fn read_all(connection: &mut TcpStream) -> io::Result<String> {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
