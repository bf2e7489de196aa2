//! Presets: the usual kinds of fridges. What they watch stands in `preset_rules.rs`.

use strum::{Display, EnumString, VariantArray, VariantNames};

/// A kind of fridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, VariantArray, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Preset {
    /// Food, by a law of 8 °C.
    Fridge,
    /// Vaccines and medicines, 2 to 8 °C.
    Vaccine,
    /// A room with a door that stands open for deliveries.
    ColdRoom,
    /// A freezer that defrosts itself with a heater.
    Freezer,
    /// A freezer that never defrosts by itself.
    ChestFreezer,
    /// Food in the United States: 41 °F.
    FoodUs,
    /// Food in the United Kingdom: 8 °C.
    FoodUk,
}

impl Preset {
    /// Where its exposure limits come from.
    pub fn source(self) -> &'static str {
        match self {
            Preset::Fridge | Preset::FoodUk | Preset::ColdRoom => {
                "Food Safety and Hygiene (England) Regulations 2013, schedule 4: food at 8 °C or below, one period of up to 4 hours above it"
            }
            Preset::Vaccine => {
                "CDC Vaccine Storage and Handling Toolkit: 2 to 8 °C; 60 minutes outside within 72 hours as a record"
            }
            Preset::Freezer | Preset::ChestFreezer => {
                "USDA, power outages: discard what was above 40 °F (4.4 °C) for more than 2 hours"
            }
            Preset::FoodUs => {
                "FDA Food Code 3-501.16 and 3-501.19: 41 °F (5 °C) or below, 4 hours without control"
            }
        }
    }
}
