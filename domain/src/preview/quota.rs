//! What the pods of one preview may take together.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};

/// An amount of computing, in thousandths of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr)]
pub struct Cpu(u32);

/// An amount of memory or storage, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr)]
pub struct Size(u32);

/// All of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// So many pods.
    pub pods: u32,
    /// What they use at the most; half of it is what they may ask the scheduler for.
    pub cpu: Cpu,
    /// As `cpu`.
    pub memory: Size,
    /// What their volumes hold.
    pub storage: Size,
}

/// What a repository wants to have changed about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryQuota {
    /// So many pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<u32>,
    /// So much computing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// So much memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// So much storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Size>,
}

/// The text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Of computing.
    #[error("`{0}` is no amount of CPU: write it like 4 or 500m")]
    Cpu(String),
    /// Of memory or storage.
    #[error("`{0}` is no amount: write it like 4Gi or 512Mi")]
    Size(String),
    /// Of a quota.
    #[error("`{0}` is no quota: write it like pods=10,cpu=4,memory=4Gi,storage=10Gi")]
    Quota(String),
}

impl Quota {
    /// As a repository wants it, within what the service allows at the most.
    #[must_use]
    pub fn changed(self, wanted: RepositoryQuota, most: Self) -> Self {
        Self {
            pods: wanted.pods.map_or(self.pods, |pods| pods.min(most.pods)),
            cpu: wanted.cpu.map_or(self.cpu, |cpu| cpu.min(most.cpu)),
            memory: wanted.memory.map_or(self.memory, |memory| memory.min(most.memory)),
            storage: wanted.storage.map_or(self.storage, |storage| storage.min(most.storage)),
        }
    }
}

impl Cpu {
    /// Half of it.
    #[must_use]
    pub fn half(self) -> Self {
        Self(self.0.div_ceil(2))
    }
}

impl Size {
    /// Half of it.
    #[must_use]
    pub fn half(self) -> Self {
        Self(self.0.div_ceil(2))
    }
}

impl FromStr for Cpu {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, factor) = text.strip_suffix('m').map_or((text, 1000), |number| (number, 1));
        let amount = whole(number).and_then(|number| number.checked_mul(factor));
        amount.map(Self).ok_or_else(|| InvalidAmount::Cpu(shortened(text)))
    }
}

impl FromStr for Size {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (number, factor) = match text.strip_suffix("Gi") {
                Some(number) => (number, 1024),
                None => (text.strip_suffix("Mi")?, 1),
            };
            whole(number)?.checked_mul(factor)
        };
        parse().map(Self).ok_or_else(|| InvalidAmount::Size(shortened(text)))
    }
}

/// `pods=10,cpu=4,memory=4Gi,storage=10Gi`: each of them once, in any order.
impl FromStr for Quota {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || InvalidAmount::Quota(shortened(text));
        let mut said = RepositoryQuota::default();
        for part in text.split(',') {
            let (name, amount) = part.trim().split_once('=').ok_or_else(malformed)?;
            let is_new = match name {
                "pods" => said.pods.replace(whole(amount).ok_or_else(malformed)?).is_none(),
                "cpu" => said.cpu.replace(amount.parse()?).is_none(),
                "memory" => said.memory.replace(amount.parse()?).is_none(),
                "storage" => said.storage.replace(amount.parse()?).is_none(),
                _ => false,
            };
            if !is_new {
                return Err(malformed());
            }
        }
        let RepositoryQuota {
            pods: Some(pods),
            cpu: Some(cpu),
            memory: Some(memory),
            storage: Some(storage),
        } = said
        else {
            return Err(malformed());
        };
        Ok(Self { pods, cpu, memory, storage })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pods, cpu, memory, storage } = self;
        write!(f, "pods={pods},cpu={cpu},memory={memory},storage={storage}")
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1024) {
            write!(f, "{}Gi", self.0 / 1024)
        } else {
            write!(f, "{}Mi", self.0)
        }
    }
}

/// Digits, and more than nothing.
fn whole(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number > 0)
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quota_is_said_as_a_whole() {
        let quota: Quota = "cpu=4, memory=4Gi,pods=10,storage=10240Mi".parse().expect("a quota");
        assert_eq!(quota.to_string(), "pods=10,cpu=4,memory=4Gi,storage=10Gi");
        for text in [
            "",
            "pods=10",
            "pods=10,cpu=4,memory=4Gi",
            "pods=10,cpu=4,memory=4Gi,storage=10Gi,pods=1",
            "pods=0,cpu=4,memory=4Gi,storage=10Gi",
            "pods=10,cpu=4.5,memory=4Gi,storage=10Gi",
            "pods=10,cpu=4,memory=4G,storage=10Gi",
            "pods=10,cpu=4,memory=4Gi,storage=10Gi,disk=1",
            "pods=10,cpu=99999999m,memory=9999999Gi,storage=10Gi",
        ] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(cpu in 1..10_000_000u32, size in 1..10_000_000u32) {
            prop_assert_eq!(Cpu(cpu).to_string().parse(), Ok(Cpu(cpu)));
            prop_assert_eq!(Size(size).to_string().parse(), Ok(Size(size)));
        }

        #[test]
        fn no_repository_gets_more_than_the_most(pods in 1..100u32, cpu in 1..100_000u32, size in 1..100_000u32) {
            let most: Quota = "pods=20,cpu=8,memory=8Gi,storage=20Gi".parse().expect("a quota");
            let usual: Quota = "pods=10,cpu=4,memory=4Gi,storage=10Gi".parse().expect("a quota");
            let wanted = RepositoryQuota {
                pods: Some(pods),
                cpu: Some(Cpu(cpu)),
                memory: Some(Size(size)),
                storage: None,
            };
            let granted = usual.changed(wanted, most);
            prop_assert!(granted.pods <= most.pods && granted.cpu <= most.cpu && granted.memory <= most.memory);
            prop_assert_eq!(granted.storage, usual.storage);
        }
    }
}
