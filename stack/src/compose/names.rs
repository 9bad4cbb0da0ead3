//! A name server that knows nobody.
//!
//! The engine asks its own names of itself and passes all other questions on. Here they lead nowhere, and
//! clients of gRPC ask some (for `SRV` and `TXT` of each name) and wait until one is answered.

use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// A question and its answer over UDP, in bytes.
const MAX: usize = 1232;
/// The header of a message, in bytes.
const HEADER: usize = 12;

/// Answers at `address` until this is dropped.
pub(super) async fn serve(address: Ipv4Addr) -> std::io::Result<AbortOnDropHandle<()>> {
    let socket = UdpSocket::bind(SocketAddrV4::new(address, 53)).await?;
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut question = [0; MAX];
        loop {
            if let Ok((length, asker)) = socket.recv_from(&mut question).await
                && let Some(answer) = nobody(&question[..length])
            {
                let _ = socket.send_to(&answer, asker).await;
            }
        }
    })))
}

/// `NXDOMAIN`, to the same question.
fn nobody(question: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = question.split_at_checked(HEADER)?;
    let mut answer = header.to_vec();
    // A response, recursion is available; the opcode and the wish for recursion stay.
    answer[2] = 0x80 | (header[2] & 0x79);
    answer[3] = 0x83;
    // Neither answers nor anything else besides the question.
    answer[6..].fill(0);
    answer.extend_from_slice(rest);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_with_its_number_and_no_such_name() {
        let question =
            [&[7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1][..], b"\x07example\x00\x00\x10\x00\x01"].concat();
        let answer = nobody(&question).unwrap();
        assert_eq!(answer[..HEADER], [7, 9, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer[HEADER..], question[HEADER..]);
        assert_eq!(nobody(&question[..5]), None);
    }
}
