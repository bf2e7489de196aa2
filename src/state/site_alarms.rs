//! The open alarms of another gateway, as it told them last.

use crate::alarm::Alarm;
use crate::reading::Stamp;

/// Those of one gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteAlarms {
    /// The alarms; [`Alarm::site`] names the gateway.
    pub alarms: Vec<Alarm>,
    /// When these were all that were open, on this gateway's clocks; `None` where that is not known.
    pub at: Option<Stamp>,
}
