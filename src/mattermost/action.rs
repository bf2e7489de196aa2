//! `POST /action`: a pressed button or a chosen line of a menu. It comes without a token, so its context must
//! be one that this gateway signed, for this channel, not too long ago. Whatever is wrong with it is told to
//! the one who pressed, with status 200: Mattermost shows any other as an error of ours.

use std::net::IpAddr;

use hyper::StatusCode;

use super::button::{ALARM_BUTTONS, Button};
use super::context::Context;
use super::rejection::Rejection;
use super::request::{MediaType, PostActionIntegrationRequest, media_type};
use super::response::{PostActionIntegrationResponse, ephemeral, repaint, update};
use super::{Hook, button_token};
use crate::alarm::{Acknowledgement, Alarm};
use crate::chat::Data;
use crate::doc::{Text, markdown};
use crate::https::response::{WholeResponse, authenticated, closing, json};
use crate::reading::ProbeId;
use crate::text::{alarm, buttons};

/// Does what the button says.
pub async fn handle(
    context: &Context,
    peer: Option<IpAddr>,
    content_type: Option<&str>,
    body: &[u8],
) -> WholeResponse {
    if media_type(content_type) != Some(MediaType::Json) {
        return context.reject(Rejection::ContentType);
    }
    let request = match PostActionIntegrationRequest::read(body) {
        Ok(request) => request,
        Err(rejection) => return context.reject(rejection),
    };
    if let Some(pressed) = below_an_alarm(&request) {
        let response = json(StatusCode::OK, &on_alarm(context, peer, &request, &pressed).await);
        let is_signed = context.signer.signed(&pressed);
        return closing(if is_signed { authenticated(response) } else { response });
    }
    let response = match verify(context, &request) {
        Ok((hook, pressed)) => {
            let response = act(context, hook, &request, &pressed).await;
            authenticated(json(StatusCode::OK, &response))
        }
        Err(why) => {
            context.count(Rejection::Button(why), peer);
            json(StatusCode::OK, &ephemeral(why.to_owned()))
        }
    };
    // Mattermost opens a connection for each press, keeps it for 90 s, and never uses it again.
    closing(response)
}

/// The hook below whose answer the button stands, and what it says; or why it does not hold.
fn verify<'a>(
    context: &'a Context,
    request: &PostActionIntegrationRequest,
) -> Result<(&'a Hook, button_token::SignedContext), &'static str> {
    let pressed = request.context.clone().ok_or(buttons::FOREIGN)?;
    if !context.signer.signed(&pressed) {
        return Err(buttons::FOREIGN);
    }
    if context.gateway().now().wall.as_second() > pressed.expires {
        return Err(buttons::EXPIRED);
    }
    if request.channel_id != pressed.channel {
        return Err(buttons::OF_ANOTHER_CHANNEL);
    }
    let hook = context.hooks.iter().find(|hook| context.signer.mark(&hook.token) == pressed.hook);
    Ok((hook.ok_or(buttons::WITHOUT_HOOK)?, pressed))
}

/// What was pressed below an alarm; its signature is not verified yet.
fn below_an_alarm(request: &PostActionIntegrationRequest) -> Option<button_token::SignedContext> {
    let pressed = request.context.clone()?;
    let button = pressed.action.parse().ok()?;
    ALARM_BUTTONS.contains(&button).then_some(pressed)
}

/// Takes an alarm on. The press is the record: the post then says who and when, and has no buttons any more.
async fn on_alarm(
    context: &Context,
    peer: Option<IpAddr>,
    request: &PostActionIntegrationRequest,
    pressed: &button_token::SignedContext,
) -> PostActionIntegrationResponse {
    let refuse = |why: &'static str| {
        context.count(Rejection::Button(why), peer);
        ephemeral(why.to_owned())
    };
    if !context.signer.signed(pressed) {
        return refuse(buttons::FOREIGN);
    }
    if context.gateway().now().wall.as_second() > pressed.expires {
        return refuse(alarm::BUTTON_EXPIRED);
    }
    let find = || {
        let snapshot = context.gateway().snapshot();
        snapshot.alarms.iter().find(|open| button_token::alarm_argument(open) == pressed.argument).cloned()
    };
    let Some(open) = find() else { return ephemeral(alarm::IS_OVER.to_owned()) };
    let Some(fridge) = context.gateway().fridges().iter().find(|fridge| fridge.id == open.fridge) else {
        return ephemeral(buttons::FRIDGE_GONE.to_owned());
    };
    let mut said = None;
    if open.acknowledged.is_none() {
        for words in words(pressed, &open, fridge.probe) {
            let reply = context.press(request, fridge, &words).await;
            if matches!(reply.data, Data::Error(_) | Data::Unknown { .. }) {
                return ephemeral(reply.post());
            }
            if matches!(reply.data, Data::Quiet(_)) {
                said = Some(reply.text.clone());
            }
        }
    }
    let now = context.gateway().now().wall;
    let open = find().unwrap_or_else(|| {
        // A drill ends with that.
        let by = Some(request.user_name.clone()).filter(|name| !name.is_empty());
        Alarm { acknowledged: Some(Acknowledgement { by, at: now, cause: None }), ..open }
    });
    let name = Text::name(&open.name).and(format!(" (#{}): ", open.number));
    let line = markdown::line(&name.and(alarm::details(&open, context.gateway().units(), now)));
    let said = said.map(|said| format!("\n{said}")).unwrap_or_default();
    repaint(format!(":warning: {line}{said}"))
}

/// What a button says, in the channel's own words.
fn words(pressed: &button_token::SignedContext, open: &Alarm, probe: ProbeId) -> Vec<String> {
    let ack = format!("ack #{}", open.number);
    match pressed.action.parse() {
        Ok(Button::Delivery) => vec![format!("{ack} delivery")],
        Ok(Button::Defrost) => vec![format!("{ack} defrost"), format!("defrost {probe} 45m")],
        // Nobody has taken it on: it is repeated afterwards.
        Ok(Button::Snooze) => vec![format!("snooze {probe} 1h")],
        _ => vec![ack],
    }
}

async fn act(
    context: &Context,
    hook: &Hook,
    request: &PostActionIntegrationRequest,
    pressed: &button_token::SignedContext,
) -> PostActionIntegrationResponse {
    match pressed.action.parse() {
        Ok(Button::Refresh) => {
            let reply = context.ask_for(hook, request, &pressed.argument).await;
            update(&reply, context.buttons(hook, &request.channel_id))
        }
        Ok(Button::Details) => {
            let mut fridges = context.gateway().fridges().iter();
            let chosen = fridges.find(|fridge| {
                let is_chosen =
                    request.selected_option.as_ref().is_some_and(|it| fridge.probe.to_string() == *it);
                is_chosen && hook.scope.sees(fridge)
            });
            match chosen {
                Some(fridge) => {
                    let words = format!("status {}", fridge.probe);
                    ephemeral(context.ask_for(hook, request, &words).await.post())
                }
                None => ephemeral(buttons::FRIDGE_GONE.to_owned()),
            }
        }
        Ok(_) | Err(_) => ephemeral(buttons::FOREIGN.to_owned()),
    }
}
