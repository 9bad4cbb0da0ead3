//! The search attributes by which people and the sweep find previews in Temporal.

use temporalio_common::search_attributes::{SearchAttributeKey, Timestamp};

/// `owner/repo`.
pub const REPOSITORY: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewRepository");
/// The repository's number, which a rename or a transfer does not change.
pub const REPOSITORY_ID: SearchAttributeKey<i64> = SearchAttributeKey::int("PreviewRepositoryId");
/// The pull request's number.
pub const PULL_REQUEST: SearchAttributeKey<i64> = SearchAttributeKey::int("PreviewPullRequest");
/// All 40 digits of the commit.
pub const COMMIT: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewCommit");
/// See [`Phase`](domain::preview::Phase).
pub const PHASE: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewPhase");
/// When the preview will be removed, from the moment it is ready.
pub const EXPIRES_AT: SearchAttributeKey<Timestamp> = SearchAttributeKey::datetime("PreviewExpiresAt");
/// The login of the person who asked.
pub const REQUESTED_BY: SearchAttributeKey<String> = SearchAttributeKey::keyword("PreviewRequestedBy");
