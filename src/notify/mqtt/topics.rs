//! The topics of one gateway.

use crate::mqtt::topic::level;

/// Below this topic Home Assistant looks, unless it is told otherwise.
pub const HOME_ASSISTANT: &str = "homeassistant";

/// The topics of one gateway, below `fridge/NAME`, and where Home Assistant looks for what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// The gateway's name in topics: one [level].
    pub gateway: String,
    /// Below which topic Home Assistant looks; `None` where it is told nothing.
    pub discovery: Option<String>,
}

impl Topics {
    /// Under that name.
    pub fn new(gateway: &str, discovery: Option<String>) -> Topics {
        Topics { gateway: level(gateway), discovery }
    }

    fn below(&self, rest: &str) -> String {
        format!("fridge/{}/{rest}", self.gateway)
    }

    /// Whether the gateway lives; kept by the broker.
    pub fn status(&self) -> String {
        self.below("status")
    }

    /// Whether each gateway of the broker lives.
    pub fn any_status() -> &'static str {
        "fridge/+/status"
    }

    /// Of which gateway that topic is the status.
    pub fn gateway_of(topic: &str) -> Option<&str> {
        topic.strip_prefix("fridge/")?.strip_suffix("/status").filter(|gateway| !gateway.contains('/'))
    }

    /// How one fridge is; kept by the broker.
    pub fn fridge(&self, id: &str) -> String {
        self.below(&format!("fridges/{}", level(id)))
    }

    /// How each fridge is.
    pub fn any_fridge(&self) -> String {
        self.below("fridges/+")
    }

    /// The open alarms; kept by the broker.
    pub fn alarms(&self) -> String {
        self.below("alarms")
    }

    /// Each reading.
    pub fn readings(&self) -> String {
        self.below("readings")
    }

    /// Each change of an alarm.
    pub fn alarm(&self) -> String {
        self.below("alarm")
    }

    /// Messages about alarms, as people are told of them.
    pub fn messages(&self) -> String {
        self.below("messages")
    }

    /// What the gateway called `own` wants the one called `gateway` to do.
    pub fn acts(gateway: &str, own: &str) -> String {
        format!("fridge/{gateway}/acts/{own}")
    }

    /// What any other gateway wants this one to do.
    pub fn any_acts(&self) -> String {
        self.below("acts/+")
    }

    /// Which other gateway wants something done, by its topic.
    pub fn wants<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix("fridge/")?.strip_prefix(&self.gateway)?.strip_prefix("/acts/")
    }

    /// What the gateway called `own` asks the one called `gateway` about the past.
    pub fn asks(gateway: &str, own: &str) -> String {
        format!("fridge/{gateway}/asks/{own}")
    }

    /// What any other gateway asks this one.
    pub fn any_asks(&self) -> String {
        self.below("asks/+")
    }

    /// Which other gateway asks about the past, by the topic.
    pub fn asker<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix("fridge/")?.strip_prefix(&self.gateway)?.strip_prefix("/asks/")
    }

    /// What the gateway of that name has asked for.
    pub fn answers(&self, asker: &str) -> String {
        self.below(&format!("answers/{asker}"))
    }

    /// What became of what another gateway wanted.
    pub fn acted(&self) -> String {
        self.below("acted")
    }

    /// How the gateway is called as a client of the broker; `part` tells its connections apart.
    pub fn client_name(&self, part: &str) -> String {
        format!("fridge-{}-{part}", self.gateway)
    }

    /// The gateway as Home Assistant knows it.
    pub fn device(&self) -> String {
        format!("fridge_{}", self.gateway)
    }

    /// Where Home Assistant looks for an entity of that kind; `None` where it is told nothing.
    pub fn entity(&self, kind: &str, name: &str) -> Option<String> {
        Some(format!("{}/{kind}/{}/{name}/config", self.discovery.as_deref()?, self.device()))
    }

    /// Where it looks for all of this gateway, or did so before it was told nothing.
    pub fn any_entity(&self) -> String {
        let prefix = self.discovery.as_deref().unwrap_or(HOME_ASSISTANT);
        format!("{prefix}/+/{}/+/config", self.device())
    }

    /// Where Home Assistant says that it has started.
    pub fn home_assistant(&self) -> Option<String> {
        Some(format!("{}/status", self.discovery.as_deref()?))
    }
}
