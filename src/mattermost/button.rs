//! The buttons below an answer, by the ids that come back when they are pressed.

use strum::{EnumString, IntoStaticStr};

use crate::text::buttons;

/// A button. Its id has letters and digits only: Mattermost's client cannot press another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Button {
    /// Updates the post in place.
    Refresh,
    /// A menu of fridges; only the person who chose sees the chosen one.
    Details,
    /// Takes an alarm on.
    Acknowledge,
    /// The same: goods were delivered.
    Delivery,
    /// The same, and warmth is expected for a while.
    Defrost,
    /// The same, and nothing is told for an hour.
    Snooze,
}

/// Those below an alarm.
pub const ALARM_BUTTONS: [Button; 4] =
    [Button::Acknowledge, Button::Delivery, Button::Defrost, Button::Snooze];

impl Button {
    /// Its id.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// What is written on it.
    pub fn label(self) -> &'static str {
        match self {
            Button::Refresh => buttons::REFRESH,
            Button::Details => buttons::DETAILS,
            Button::Acknowledge => buttons::ACKNOWLEDGE,
            Button::Delivery => buttons::DELIVERY,
            Button::Defrost => buttons::DEFROST,
            Button::Snooze => buttons::SNOOZE,
        }
    }
}
