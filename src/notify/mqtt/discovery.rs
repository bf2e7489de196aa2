//! What Home Assistant is told, so that it finds each fridge by itself: a device for the gateway, one for each fridge, and
//! their entities (home-assistant.io, "MQTT", "MQTT Discovery"). Each entity has a topic of its own, which every version
//! of Home Assistant reads; its id is made of the fridge's, which stays when the name changes.

use serde_json::{Value, json};
use strum::VariantArray;

use super::Topics;
use super::retained::Retained;
use crate::chat::Chat;
use crate::fridge::{Fridge, Verdict};
use crate::mqtt::topic::level;
use crate::text::status;

/// Each fridge is published every minute: what is older than three of these is not shown as live.
const EXPIRE_AFTER_S: u32 = 180;

/// How old the newest reading was when it was published: of the present one, or of the last before a fault.
const AGE: &str = "value_json.last_good_age_s if value_json.age_s is none else value_json.age_s";
/// Whether the gateway lives.
const STATUS: &str = "value_json.status";

/// What makes a state of a message. One without a payload, which removes what the broker keeps, makes none.
fn template(value: &str) -> String {
    format!("{{% if value_json is defined %}}{{{{ {value} }}}}{{% endif %}}")
}

/// What Home Assistant is told of all that there is. Whether that says that any of it is simulated.
pub fn announce(chat: &Chat, topics: &Topics, announced: &mut Retained) -> bool {
    let gateway = chat.gateway();
    let is_simulated = gateway.snapshot().is_own_simulated();
    let of = Gateway { topics, name: gateway.name(), is_simulated };
    announced.begin();
    let of_fridges = gateway.own_fridges().flat_map(|fridge| of.entities_of(fridge));
    for (topic, entity) in of.entities().into_iter().chain(of_fridges) {
        let text = entity.to_string();
        announced.want(topic, &text, true, || text.clone().into_bytes());
    }
    announced.done();
    is_simulated
}

/// What is told of the gateway itself.
pub struct Gateway<'a> {
    /// Its topics.
    pub topics: &'a Topics,
    /// What people call it.
    pub name: Option<&'a str>,
    /// Whether any of the gateway's readings are simulated.
    pub is_simulated: bool,
}

impl Gateway<'_> {
    /// The entities of the gateway itself, each with its topic.
    pub fn entities(&self) -> Vec<(String, Value)> {
        let name = self.name.unwrap_or(&self.topics.gateway);
        let device = json!({
            "identifiers": [self.topics.device()],
            "name": self.marked(name),
            "manufacturer": "fridge",
            "model": "Gateway",
            "sw_version": env!("CARGO_PKG_VERSION"),
        });
        let entity = json!({
            "name": "Connection",
            "state_topic": self.topics.status(),
            "value_template": template(STATUS),
            "payload_on": "online",
            "payload_off": "offline",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        });
        self.entity("binary_sensor", "gateway", "connection", entity, &device).into_iter().collect()
    }

    /// The entities of a fridge, each with its topic.
    pub fn entities_of(&self, fridge: &Fridge) -> Vec<(String, Value)> {
        let mut device = json!({
            "identifiers": [format!("{}_{}", self.topics.device(), level(&fridge.id))],
            "name": self.marked(&fridge.name),
            "manufacturer": "fridge",
            "model": "Fridge with a probe",
            "via_device": self.topics.device(),
        });
        if let Some(group) = &fridge.group {
            device["suggested_area"] = json!(group);
        }
        let states: Vec<&str> = Verdict::VARIANTS.iter().map(|verdict| status::verdict(*verdict)).collect();
        let celsius = |name: &str, value: &str| {
            json!({
                "name": name,
                "value_template": template(value),
                "device_class": "temperature",
                "unit_of_measurement": "°C",
                "suggested_display_precision": 1,
            })
        };
        let mut temperature = celsius("Temperature", "value_json.celsius");
        temperature["state_class"] = json!("measurement");
        let today = |end: &str| format!("value_json.today.{end} if value_json.today else none");
        let sensors = [
            ("sensor", "temperature", temperature),
            ("sensor", "minimum", celsius("Lowest today", &today("min"))),
            ("sensor", "maximum", celsius("Highest today", &today("max"))),
            (
                "sensor",
                "state",
                json!({
                    "name": "State",
                    "value_template": template("value_json.state"),
                    "device_class": "enum",
                    "options": states,
                }),
            ),
            (
                "sensor",
                "age",
                json!({
                    "name": "Age of the reading",
                    "value_template": template(AGE),
                    "device_class": "duration",
                    "unit_of_measurement": "s",
                    "entity_category": "diagnostic",
                }),
            ),
            (
                "binary_sensor",
                "alarm",
                json!({
                    "name": "Alarm",
                    "value_template": template("'ON' if value_json.alarm else 'OFF'"),
                    "device_class": "problem",
                }),
            ),
        ];
        let mut entities = Vec::new();
        for (kind, name, mut entity) in sensors {
            entity["state_topic"] = json!(self.topics.fridge(&fridge.id));
            entity["expire_after"] = json!(EXPIRE_AFTER_S);
            entity["availability"] = json!([{
                "topic": self.topics.status(),
                "value_template": template(STATUS),
                "payload_available": "online",
                "payload_not_available": "offline",
            }]);
            entities.extend(self.entity(
                kind,
                &format!("fridge-{}", level(&fridge.id)),
                name,
                entity,
                &device,
            ));
        }
        entities
    }

    fn entity(
        &self,
        kind: &str,
        of: &str,
        name: &str,
        mut entity: Value,
        device: &Value,
    ) -> Option<(String, Value)> {
        let place = format!("{of}_{name}");
        entity["unique_id"] = json!(format!("{}_{place}", self.topics.device()));
        entity["device"] = device.clone();
        entity["origin"] = json!({ "name": "fridge", "sw_version": env!("CARGO_PKG_VERSION") });
        Some((self.topics.entity(kind, &place)?, entity))
    }

    /// What is simulated says so.
    fn marked(&self, name: &str) -> String {
        if self.is_simulated { format!("{name} (simulated)") } else { name.to_owned() }
    }
}
