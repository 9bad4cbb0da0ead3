//! Which Service a preview's address leads to, where its chart makes no Ingress.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Stands for the name of the Helm release.
const RELEASE: &str = "{release}";
/// Longest name of a Service, in bytes.
const NAME_MAX: usize = 63;
/// Longest name of a port, in bytes.
const PORT_NAME_MAX: usize = 15;

/// A Service of the chart, and one of its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expose {
    /// Its name.
    pub service: ServiceTemplate,
    /// Its port.
    pub port: ServicePort,
}

/// The name of a Service, in which `{release}` stands for the name of the Helm release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceTemplate(String);

/// The text names no Service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a Service: expected, for example, `{RELEASE}-web`")]
pub struct InvalidService(String);

impl ServiceTemplate {
    /// The name in a release.
    #[must_use]
    pub fn name(&self, release: &str) -> String {
        self.0.replace(RELEASE, release)
    }
}

impl TryFrom<String> for ServiceTemplate {
    type Error = InvalidService;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_label(&text.replace(RELEASE, "r"), NAME_MAX) {
            Ok(Self(text))
        } else {
            Err(InvalidService(text.chars().take(80).collect()))
        }
    }
}

impl From<ServiceTemplate> for String {
    fn from(template: ServiceTemplate) -> Self {
        template.0
    }
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServicePort {
    /// By its number.
    Number(u16),
    /// By its name.
    Name(PortName),
}

/// The name of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortName(String);

/// The text names no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no port of a Service: expected its number or its name, like 80 or `http`")]
pub struct InvalidPort(String);

impl ServicePort {
    /// By its number.
    ///
    /// # Errors
    /// If no port has it.
    pub fn number(number: u64) -> Result<Self, InvalidPort> {
        match u16::try_from(number) {
            Ok(number) if number > 0 => Ok(Self::Number(number)),
            _ => Err(InvalidPort(number.to_string())),
        }
    }
}

impl PortName {
    /// As the Service has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PortName {
    type Error = InvalidPort;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let has_letter = text.bytes().any(|byte| byte.is_ascii_lowercase());
        if has_letter && is_label(&text, PORT_NAME_MAX) {
            Ok(Self(text))
        } else {
            Err(InvalidPort(text.chars().take(40).collect()))
        }
    }
}

impl From<PortName> for String {
    fn from(name: PortName) -> Self {
        name.0
    }
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(&name.0),
        }
    }
}

/// Lower-case letters, digits and hyphens within.
fn is_label(text: &str, longest: usize) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=longest).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_as_it_is_or_after_the_release() {
        let named =
            |text: &str| ServiceTemplate::try_from(text.to_owned()).map(|it| it.name("preview-pr-12"));
        assert_eq!(named("web"), Ok("web".to_owned()));
        assert_eq!(named("{release}-web"), Ok("preview-pr-12-web".to_owned()));
        for text in ["", "Web", "{name}", "-web", "a.b", &"x".repeat(64)] {
            assert!(named(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_has_a_number_or_a_name() {
        assert_eq!(ServicePort::number(80), Ok(ServicePort::Number(80)));
        assert!(ServicePort::number(0).is_err() && ServicePort::number(65_536).is_err());
        for (text, is_name) in [
            ("http", true),
            ("h2-c", true),
            ("80", false),
            ("HTTP", false),
            ("", false),
            ("a-very-long-name", false),
        ] {
            assert_eq!(PortName::try_from(text.to_owned()).is_ok(), is_name, "{text}");
        }
    }
}
