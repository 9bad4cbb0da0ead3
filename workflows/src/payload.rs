//! Keeps a workflow healthy when someone sends it garbage.
//!
//! A signal or start input that cannot be decoded fails the workflow *task*, which Temporal retries for
//! ever: the run is wedged and not even a good signal gets through afterwards. So everything that people
//! can send is received as [`Lenient`], whose decoding never fails: what does not fit becomes data, for
//! the workflow to refuse in its own words.

use serde::{Serialize, de::DeserializeOwned};
use temporalio_common::{
    data_converters::{
        PayloadConversionError, SerializationContext, TemporalDeserializable, TemporalSerializable,
    },
    protos::{coresdk::AsJsonPayloadExt, temporal::api::common::v1::Payload},
};

/// The encodings whose payloads hold plain JSON.
const JSON_ENCODINGS: [&[u8]; 2] = [b"json/plain", b"json/protobuf"];
/// Longest part of a refused payload that is kept for people to read, in characters.
const REASON_MAX: usize = 200;

/// A value that someone sent, or why it is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lenient<T>(Result<T, String>);

impl<T> Lenient<T> {
    /// The value, or the reason why what was sent is none.
    ///
    /// # Errors
    /// One line for people: what was expected, what was sent.
    pub fn into_inner(self) -> Result<T, String> {
        self.0
    }
}

impl<T> From<T> for Lenient<T> {
    fn from(value: T) -> Self {
        Self(Ok(value))
    }
}

impl<T: DeserializeOwned> TemporalDeserializable for Lenient<T> {
    fn from_payloads(
        _: &SerializationContext<'_>,
        payloads: Vec<Payload>,
    ) -> Result<Self, PayloadConversionError> {
        Ok(Self(decode(&payloads)))
    }
}

impl<T: Serialize + 'static> TemporalSerializable for Lenient<T> {
    fn to_payloads(&self, _: &SerializationContext<'_>) -> Result<Vec<Payload>, PayloadConversionError> {
        let value = self
            .0
            .as_ref()
            .map_err(|reason| PayloadConversionError::EncodingError(reason.clone().into()))?;
        let payload = value
            .as_json_payload()
            .map_err(|error| PayloadConversionError::EncodingError(error.into()))?;
        Ok(vec![payload])
    }
}

/// A value of ours as one argument of a raw call.
#[must_use]
pub fn json(value: &(impl Serialize + ?Sized)) -> Payload {
    (&value).as_json_payload().expect("our own structures have text keys only")
}

fn decode<T: DeserializeOwned>(payloads: &[Payload]) -> Result<T, String> {
    let [payload] = payloads else {
        return Err(format!("expected one argument, got {}", payloads.len()));
    };
    let encoding = payload.metadata.get("encoding").map_or(&b""[..], Vec::as_slice);
    if !JSON_ENCODINGS.contains(&encoding) {
        return Err(format!("expected JSON, got the encoding {:?}", String::from_utf8_lossy(encoding)));
    }
    serde_json::from_slice(&payload.data)
        .map_err(|error| error.to_string().chars().take(REASON_MAX).collect())
}

#[cfg(test)]
mod tests {
    use domain::Ttl;
    use proptest::prelude::*;

    use super::*;

    fn payload(encoding: &str, data: &[u8]) -> Payload {
        let metadata = [("encoding".to_owned(), encoding.as_bytes().to_vec())].into();
        Payload { metadata, data: data.to_vec(), ..Payload::default() }
    }

    #[test]
    fn a_duration_is_a_duration() {
        assert_eq!(decode::<Ttl>(&[payload("json/plain", br#""30m""#)]), Ok(Ttl::DEFAULT));
    }

    #[test]
    fn garbage_becomes_a_reason() {
        for garbage in [
            vec![],
            vec![payload("json/plain", b"42")],
            vec![payload("json/plain", b"{\"ttl\": \"30m\"}")],
            vec![payload("json/plain", b"null")],
            vec![payload("json/plain", b"not json")],
            vec![payload("binary/null", b"")],
            vec![payload("binary/plain", &[0xff, 0x00])],
            vec![payload("json/plain", br#""30m""#), payload("json/plain", br#""30m""#)],
            vec![payload("json/plain", format!("\"{}\"", "x".repeat(1_000_000)).as_bytes())],
            vec![Payload::default()],
        ] {
            let reason = decode::<Ttl>(&garbage).expect_err("garbage is no duration");
            assert!(!reason.is_empty() && reason.chars().count() <= REASON_MAX, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn no_payload_breaks_the_decoder(encoding in ".{0,20}", data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<Ttl>(&[payload(&encoding, &data)]);
            let _ = decode::<Ttl>(&[payload("json/plain", &data)]);
        }
    }
}
