//! Comments on issues and pull requests, and reactions to them.

use jiff::Timestamp;

use super::{answer::Answer, call::Call, paging, refusal::Refusal};

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let number = call.number("issue_number")?;
    let since: Option<Timestamp> = call.query("since").and_then(|text| text.parse().ok());
    let comments = call.in_repository(|wire, repository| {
        let issue = repository.issues.get(&number).ok_or_else(Refusal::not_found)?;
        Ok(issue
            .visible_comments()
            .filter(|comment| since.is_none_or(|since| comment.latest().at >= since))
            .map(|comment| wire.comment(repository, issue, comment))
            .collect())
    })?;
    Ok(paging::page(call, comments))
}

pub(super) fn create(call: &Call<'_>) -> Result<Answer, Refusal> {
    let place = call.place(call.number("issue_number")?);
    let written = call.shared.write_comment(&call.actor(), &place, call.text("body"))?;
    show(call, written.comment).map(Answer::created)
}

pub(super) fn get(call: &Call<'_>) -> Result<Answer, Refusal> {
    show(call, call.number("comment_id")?).map(Answer::ok)
}

pub(super) fn update(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("comment_id")?;
    call.shared
        .edit_comment(&call.actor(), call.owner(), call.repo(), id, call.text("body"))?;
    show(call, id).map(Answer::ok)
}

pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Refusal> {
    call.shared
        .delete_comment(&call.actor(), call.owner(), call.repo(), call.number("comment_id")?)?;
    Ok(Answer::no_content())
}

pub(super) fn react(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.number("comment_id")?;
    let (reaction, is_new) =
        call.shared
            .react(&call.actor(), call.owner(), call.repo(), id, call.text("content"))?;
    let json = call.shared.read(|wire| wire.reaction(&reaction));
    Ok(if is_new { Answer::created(json) } else { Answer::ok(json) })
}

fn show(call: &Call<'_>, id: u64) -> Result<serde_json::Value, Refusal> {
    call.in_repository(|wire, repository| {
        let (issue, comment) = repository.comment(id).ok_or_else(Refusal::not_found)?;
        Ok(wire.comment(repository, issue, comment))
    })
}
