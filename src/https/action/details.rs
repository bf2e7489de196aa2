//! *Details…*: one fridge, told to the one who chose it; the post stays as it is.

use super::Press;
use crate::chat::english;
use crate::https::post::{Pressed, text, to_presser};
use crate::https::reception::Reception;

/// Tells the chosen fridge, if the hook may see it.
pub fn act(reception: &Reception, press: &Press<'_>) -> Pressed {
    let fridges = &reception.gateway.fridges;
    let chosen = fridges.iter().find(|fridge| {
        press.chosen.as_ref().is_some_and(|chosen| fridge.probe.to_string() == *chosen)
            && press.hook.scope.sees(fridge)
    });
    match chosen {
        Some(fridge) => to_presser(text(&reception.ask(press.hook, &format!("status {}", fridge.probe)))),
        None => to_presser(english::FRIDGE_GONE.to_owned()),
    }
}
