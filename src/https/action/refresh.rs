//! *Refresh*: the post is made anew where it stands, with new buttons.

use super::Press;
use crate::https::post::{Pressed, to_update};
use crate::https::reception::Reception;

/// Asks the post's question again.
pub fn act(reception: &Reception, press: &Press<'_>) -> Pressed {
    let reply = reception.ask(press.hook, &press.context.argument);
    to_update(&reply, reception.buttons(press.hook, &press.channel))
}
