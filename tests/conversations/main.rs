//! What the service promises, told as conversations on pull requests. Each test's name is the promise.

mod preview;
