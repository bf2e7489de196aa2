//! What is said of acts that other gateways were asked to do, and did not. What another gateway or a broker says is put in as
//! a name, so that none of it becomes Markdown.

use crate::doc::Text;

/// Behind what was not done, where there was more.
pub const REST_DONE: &str = "Everything else was done.";

/// So many others did not do it, either.
pub fn others(gateways: usize) -> Text {
    Text::from(format!("Neither did {gateways} others."))
}

/// Nothing reaches it.
pub fn away(site: &str) -> Text {
    Text::code(site).and(" did not do this, because it cannot be reached. Try again later, or do it there.")
}

/// Its configuration does not name this gateway, which is called `own`.
pub fn not_allowed(site: &str, own: &str) -> Text {
    Text::code(site)
        .and(" does not accept this from here. Add ")
        .and(Text::code(format!("\"{own}\"")))
        .and(" to ")
        .and(Text::code("acts_from"))
        .and(" in its [mqtt] section.")
}

/// The broker does not take it.
pub fn forbidden(site: &str, reason: &str) -> Text {
    Text::from("The broker does not let this gateway send anything to ")
        .and(Text::code(site))
        .and(": its ACL needs the line for acts in docs/fleet.md. It says: ")
        .and(Text::name(reason))
        .and(".")
}

/// It is too much at once.
pub fn busy(site: &str) -> Text {
    Text::code(site)
        .and(" did not do this, because too many requests are under way. Try again in a few seconds.")
}

/// It is not done for others.
pub fn only_there(site: &str) -> Text {
    Text::code(site).and(" did not do this: it has to be asked for there.")
}

/// It has not said what became of it.
pub fn unconfirmed(site: &str) -> Text {
    Text::code(site).and(" has not confirmed this. It may still have been done: check there.")
}

/// It has said why not.
pub fn refused(site: &str, reason: &str) -> Text {
    let site = Text::code(site);
    match reason {
        "" => site.and(" did not do this, and gave no reason. Its log may say more."),
        reason => site.and(" answers: ").and(Text::name(reason.trim_end_matches('.'))).and("."),
    }
}
