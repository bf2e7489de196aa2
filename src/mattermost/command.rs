//! `POST` and `GET /command`: Mattermost's slash command, which works in private channels, too. Once the token
//! is right the status is 200: Mattermost shows its user any other one as an error.

use hyper::StatusCode;

use super::context::Context;
use super::rejection::Elsewhere;
use super::request::OutgoingWebhookPayload;
use super::response;
use crate::https::response::{WholeResponse, authenticated, json};

/// A command as a POST: a form in the body.
pub async fn handle(
    context: &Context,
    content_type: Option<&str>,
    authorization: Option<&str>,
    body: &[u8],
) -> WholeResponse {
    match OutgoingWebhookPayload::read(content_type, body) {
        Ok(payload) => run(context, &payload, authorization).await,
        Err(rejection) => context.reject(rejection),
    }
}

/// A command as a GET: the same pairs in the query.
pub async fn handle_query(context: &Context, authorization: Option<&str>, query: &str) -> WholeResponse {
    run(context, &OutgoingWebhookPayload::from_form(query.as_bytes()), authorization).await
}

async fn run(
    context: &Context,
    payload: &OutgoingWebhookPayload,
    authorization: Option<&str>,
) -> WholeResponse {
    // The header has the same token, unless an outgoing OAuth connection replaced it.
    let in_header = authorization.and_then(|value| value.strip_prefix("Token ")).map(str::trim);
    let token = if payload.token.is_empty() { in_header.unwrap_or_default() } else { &payload.token };
    let hook = match context.hook_of(token) {
        Ok(hook) => hook,
        Err(rejection) => return context.reject(rejection),
    };
    if payload.command.is_empty() && !payload.post_id.is_empty() {
        return context.elsewhere(hook, Elsewhere::WebhookOnCommand);
    }
    let reply = context.ask(hook, payload, &payload.text).await;
    let buttons = context.buttons(hook, &payload.channel_id);
    authenticated(json(StatusCode::OK, &response::to_command(&reply, hook, buttons)))
}
