//! The buttons below an answer, and the replies to a press that does nothing.

/// Updates the post.
pub const REFRESH: &str = "Refresh";
/// A menu of fridges, to see one in detail.
pub const DETAILS: &str = "Details…";
/// Takes an alarm on.
pub const ACKNOWLEDGE: &str = "I'm on it";
/// Takes an alarm on: goods were delivered.
pub const DELIVERY: &str = "Delivery";
/// Takes an alarm on: it is being defrosted.
pub const DEFROST: &str = "Defrost";
/// Takes an alarm on, and is quiet for an hour.
pub const SNOOZE: &str = "Snooze 1 h";
/// A button that this gateway did not sign.
pub const FOREIGN: &str = "This button was not made by this gateway. Ask `fridge status` for new ones.";
/// A button whose day is over.
pub const EXPIRED: &str = "This button is more than a day old. Ask `fridge status` for new ones.";
/// A button that was pressed in another channel than its own.
pub const OF_ANOTHER_CHANNEL: &str = "This button belongs to another channel. Ask `fridge status` here.";
/// A button whose hook is gone.
pub const WITHOUT_HOOK: &str =
    "The hook that this button belongs to is no longer configured. Ask `fridge status` again.";
/// A fridge that is gone, or that the hook may not see.
pub const FRIDGE_GONE: &str =
    "That fridge is no longer configured, or not visible in this channel. Ask `fridge status` again.";
