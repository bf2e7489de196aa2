//! Cabinets for the tests of alarms: air, coil, product and probe as bodies that exchange heat, with a thermostat,
//! doors, deliveries, defrosts, and what can go wrong. Every cabinet of a kind differs from the others. It is no more
//! than a plausible picture: docs/alarms.md says what it cannot show.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use fridge::alarm::Preset;
use fridge::reading::Celsius;

/// One step of the simulation, in minutes.
const STEP: f64 = 1.0 / 6.0;
const STEPS_A_MINUTE: u32 = 6;
const MINUTES_A_DAY: f64 = 24.0 * 60.0;
/// Delivered goods take on the air's temperature this slowly, in minutes.
const GOODS_INERTIA: f64 = 120.0;
/// A probe's noise, as a standard deviation in kelvin.
const NOISE: f64 = 0.03;

/// What a kind of cabinet has in common.
#[derive(Clone)]
pub struct Model {
    pub preset: Preset,
    /// Above this the product is harmed, in °C.
    pub harm: f64,
    /// The middle of the thermostat's range, in °C.
    set_point: Range<f64>,
    /// From switching on to switching off, in kelvin.
    hysteresis: Range<f64>,
    /// The coil while it cools, below the set point, in kelvin.
    coil_below: Range<f64>,
    /// How long the product takes from its usual temperature to the harmful one without cooling, in hours.
    hours_to_harm: Range<f64>,
    /// How fast the room's heat and the coil's cold reach the air, in minutes.
    leak: Range<f64>,
    coil: Range<f64>,
    /// How many times as fast as the leak the product exchanges heat with the air.
    product_to_leak: Range<f64>,
    /// How fast an open door warms the air, in minutes, and how often it is opened on a day.
    door: Range<f64>,
    doors_a_day: Range<f64>,
    /// How long a door is open, in seconds.
    door_seconds: Range<f64>,
    /// How long the door is open for a delivery, in minutes, and how fast its warm goods heat the air, in minutes.
    delivery_minutes: Range<f64>,
    goods: Range<f64>,
    deliveries_a_week: f64,
    defrost: Option<Defrost>,
}

/// A heater's defrosts.
#[derive(Clone)]
struct Defrost {
    /// From one to the next, in hours.
    every: Range<f64>,
    /// Where the air is when it ends, in °C.
    peak: Range<f64>,
    /// How fast the heater warms the air, in kelvin a minute.
    heat: Range<f64>,
    /// Until the compressor starts again, in minutes.
    drip: Range<f64>,
}

/// The five kinds.
pub fn models() -> [Model; 5] {
    let fridge = Model {
        preset: Preset::Fridge,
        harm: 8.0,
        set_point: 3.4..4.8,
        hysteresis: 1.0..2.2,
        coil_below: 9.0..13.0,
        hours_to_harm: 3.0..8.0,
        leak: 220.0..360.0,
        coil: 11.0..17.0,
        product_to_leak: 3.0..5.0,
        door: 7.0..10.0,
        doors_a_day: 15.0..45.0,
        door_seconds: 6.0..60.0,
        delivery_minutes: 3.0..8.0,
        goods: 25.0..90.0,
        deliveries_a_week: 5.0,
        defrost: None,
    };
    let freezer = Model {
        preset: Preset::Freezer,
        harm: -12.0,
        set_point: -20.5..-18.5,
        hysteresis: 1.4..3.0,
        coil_below: 11.0..15.0,
        hours_to_harm: 6.0..19.0,
        leak: 300.0..450.0,
        coil: 14.0..20.0,
        product_to_leak: 4.0..6.0,
        door: 14.0..20.0,
        doors_a_day: 8.0..30.0,
        door_seconds: 6.0..50.0,
        delivery_minutes: 2.0..6.0,
        goods: 200.0..400.0,
        deliveries_a_week: 2.0,
        defrost: Some(Defrost { every: 25.0..42.0, peak: -2.0..6.0, heat: 0.9..1.4, drip: 4.0..8.0 }),
    };
    let vaccine = Model {
        preset: Preset::Vaccine,
        set_point: 4.3..5.0,
        hysteresis: 0.8..1.4,
        hours_to_harm: 2.5..5.5,
        doors_a_day: 8.0..25.0,
        door_seconds: 6.0..45.0,
        delivery_minutes: 1.0..3.0,
        deliveries_a_week: 1.0,
        ..fridge.clone()
    };
    let cold_room = Model {
        preset: Preset::ColdRoom,
        set_point: 2.6..3.6,
        hours_to_harm: 8.0..15.0,
        leak: 400.0..600.0,
        door: 12.0..18.0,
        doors_a_day: 40.0..80.0,
        door_seconds: 10.0..90.0,
        delivery_minutes: 6.0..14.0,
        goods: 15.0..60.0,
        deliveries_a_week: 8.0,
        ..fridge.clone()
    };
    let chest = Model {
        preset: Preset::ChestFreezer,
        set_point: -20.0..-18.5,
        hours_to_harm: 14.0..29.0,
        door: 14.0..24.0,
        doors_a_day: 3.0..12.0,
        delivery_minutes: 1.0..4.0,
        deliveries_a_week: 1.0,
        defrost: None,
        ..freezer.clone()
    };
    [fridge, vaccine, cold_room, freezer, chest]
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failure {
    /// The compressor stops for good.
    CompressorStop,
    /// Compressor and fan stop for so many hours.
    PowerCut(f64),
    /// The door stays open by that share.
    DoorAjar(f64),
    /// The set point rises by so many kelvin a day.
    Drift(f64),
    /// The probe hangs outside.
    ProbeOut,
    /// The probe's readings stay away.
    ProbeSilent,
    /// The probe repeats its reading.
    ProbeStuck,
}

/// One cabinet.
pub struct Cabinet {
    pub harm: f64,
    rng: Rng,
    minutes: f64,
    room: f64,
    set_point: f64,
    hysteresis: f64,
    coil_on: f64,
    leak: f64,
    coil: f64,
    product: f64,
    product_inertia: f64,
    door: f64,
    probe_lag: f64,
    door_seconds: Range<f64>,
    delivery_minutes: Range<f64>,
    goods: Range<f64>,
    doors_a_minute: f64,
    deliveries_a_minute: f64,
    forgotten_a_minute: f64,
    defrost: Option<(f64, f64, f64, f64)>,

    air_now: f64,
    coil_now: f64,
    product_now: f64,
    probe_now: f64,
    /// Delivered goods: their temperature and how fast they heat the air, in minutes.
    goods_now: (f64, f64),
    is_cooling: bool,
    switched: f64,
    door_until: f64,
    next_defrost: f64,
    /// The end of the drip time, once the heater is off.
    heating: Option<Option<f64>>,
    failure: Option<(f64, Failure)>,
    stuck: Option<Celsius>,
}

impl Cabinet {
    pub fn new(model: &Model, seed: u64) -> Cabinet {
        let mut rng = Rng::with_seed(seed);
        let mut of = |range: &Range<f64>| range.start + rng.f64() * (range.end - range.start);
        let room = of(&(18.0..26.0));
        let set_point = of(&model.set_point);
        let leak = of(&model.leak);
        let product = leak / of(&model.product_to_leak);
        // Without cooling the product follows the room this slowly, which gives its inertia.
        let minutes_to_harm = of(&model.hours_to_harm) * 60.0;
        let slowly = minutes_to_harm / libm::log((room - set_point) / (room - model.harm));
        let product_inertia = slowly * product / (leak + product);
        let defrost = model.defrost.as_ref().map(|defrost| {
            (of(&defrost.every) * 60.0, of(&defrost.peak), of(&defrost.heat), of(&defrost.drip))
        });
        let (every, ..) = defrost.unwrap_or((f64::INFINITY, 0.0, 0.0, 0.0));
        Cabinet {
            harm: model.harm,
            minutes: 0.0,
            room,
            set_point,
            hysteresis: of(&model.hysteresis),
            coil_on: set_point - of(&model.coil_below),
            leak,
            coil: of(&model.coil),
            product,
            product_inertia,
            door: of(&model.door),
            probe_lag: of(&(1.5..4.0)),
            door_seconds: model.door_seconds.clone(),
            delivery_minutes: model.delivery_minutes.clone(),
            goods: model.goods.clone(),
            doors_a_minute: of(&model.doors_a_day) / (14.0 * 60.0),
            deliveries_a_minute: model.deliveries_a_week / (7.0 * 14.0 * 60.0),
            forgotten_a_minute: 1.0 / (20.0 * 14.0 * 60.0),
            defrost,
            air_now: set_point,
            coil_now: set_point,
            product_now: set_point,
            probe_now: set_point,
            goods_now: (set_point, f64::INFINITY),
            is_cooling: false,
            switched: 0.0,
            door_until: 0.0,
            next_defrost: of(&(0.0..1.0)) * every.min(1e6),
            heating: None,
            failure: None,
            stuck: None,
            rng,
        }
    }

    /// Something goes wrong from then on, in minutes since the beginning.
    pub fn fail(&mut self, at: f64, failure: Failure) {
        self.failure = Some((at, failure));
    }

    pub fn product_temperature(&self) -> f64 {
        self.product_now
    }

    /// How long it has been simulated.
    pub fn elapsed(&self) -> Duration {
        Duration::from_secs((self.minutes * 60.0).round() as u64)
    }

    /// A minute passes; then the probe is read, if it answers.
    pub fn minute(&mut self) -> Option<Celsius> {
        self.happenings();
        for _ in 0..STEPS_A_MINUTE {
            self.step();
        }
        let read = self.read();
        match self.failing() {
            Some(Failure::ProbeSilent) => None,
            Some(Failure::ProbeStuck) => Some(*self.stuck.get_or_insert(read)),
            _ => Some(read),
        }
    }

    fn failing(&self) -> Option<Failure> {
        self.failure.filter(|(at, _)| self.minutes >= *at).map(|(_, failure)| failure)
    }

    fn happens(&mut self, a_minute: f64) -> bool {
        self.rng.f64() < a_minute
    }

    fn of(&mut self, range: Range<f64>) -> f64 {
        range.start + self.rng.f64() * (range.end - range.start)
    }

    /// What people do, between 7 and 21 h.
    fn happenings(&mut self) {
        let hour = self.minutes % MINUTES_A_DAY / 60.0;
        if !(7.0..21.0).contains(&hour) {
            return;
        }
        let open = if self.happens(self.forgotten_a_minute) {
            self.of(5.0..12.0)
        } else if self.happens(self.deliveries_a_minute) {
            let warmer = self.of(4.0..14.0);
            self.goods_now = (self.set_point + warmer, self.of(self.goods.clone()));
            self.of(self.delivery_minutes.clone())
        } else if self.happens(self.doors_a_minute) {
            self.of(self.door_seconds.clone()) / 60.0
        } else {
            return;
        };
        self.door_until = self.door_until.max(self.minutes) + open;
    }

    fn step(&mut self) {
        self.minutes += STEP;
        let failing = self.failing();
        let has_power = match (failing, self.failure) {
            (Some(Failure::PowerCut(hours)), Some((at, _))) => self.minutes > at + hours * 60.0,
            _ => true,
        };
        let heat = self.defrosting(has_power);
        self.thermostat(has_power && heat.is_none() && failing != Some(Failure::CompressorStop));

        let room = self.room + 1.5 * libm::sin((self.minutes / MINUTES_A_DAY - 0.4) * std::f64::consts::TAU);
        let door = match failing {
            Some(Failure::DoorAjar(share)) => share,
            _ => f64::from(self.minutes < self.door_until),
        };
        // Without its fan the coil cools and heats nothing.
        let coil = if has_power { self.coil } else { self.coil * 10.0 };
        let coil_to = if self.is_cooling { self.coil_on } else { self.air_now };
        self.coil_now += (coil_to - self.coil_now) * STEP / 4.0;
        let flow = (room - self.air_now) * (1.0 / self.leak + door / self.door)
            + (self.coil_now - self.air_now) / coil
            + (self.product_now - self.air_now) / self.product
            + (self.goods_now.0 - self.air_now) / self.goods_now.1
            + heat.unwrap_or(0.0);
        self.product_now += (self.air_now - self.product_now) / self.product_inertia * STEP;
        self.goods_now.0 += (self.air_now - self.goods_now.0) / GOODS_INERTIA * STEP;
        self.air_now += flow * STEP;
        let around = if failing == Some(Failure::ProbeOut) { room } else { self.air_now };
        self.probe_now += (around - self.probe_now) / self.probe_lag * STEP;
    }

    /// The heater's kelvin a minute; zero while it drips, `None` outside a defrost.
    fn defrosting(&mut self, has_power: bool) -> Option<f64> {
        let (every, peak, heat, drip) = self.defrost?;
        if !has_power {
            self.heating = None;
            return None;
        }
        if self.heating.is_none() && self.minutes >= self.next_defrost {
            self.next_defrost = self.minutes + every;
            self.heating = Some(None);
        }
        match self.heating? {
            None if self.air_now < peak => Some(heat),
            None => {
                self.heating = Some(Some(self.minutes + drip));
                Some(0.0)
            }
            Some(until) if self.minutes < until => Some(0.0),
            Some(_) => {
                self.heating = None;
                None
            }
        }
    }

    fn thermostat(&mut self, may_cool: bool) {
        let drift = match (self.failing(), self.failure) {
            (Some(Failure::Drift(kelvin)), Some((at, _))) => kelvin * (self.minutes - at) / MINUTES_A_DAY,
            _ => 0.0,
        };
        let beyond = self.air_now - self.set_point - drift;
        let rested = self.minutes - self.switched;
        let wants = match self.is_cooling {
            false => beyond > self.hysteresis / 2.0 && rested >= 5.0,
            true => beyond > -self.hysteresis / 2.0 || rested < 5.0,
        };
        let cools = may_cool && wants;
        if cools != self.is_cooling {
            (self.is_cooling, self.switched) = (cools, self.minutes);
        }
    }

    fn read(&mut self) -> Celsius {
        // The sum of twelve even numbers is nearly normal.
        let noise = (0..12).map(|_| self.rng.f64()).sum::<f64>() - 6.0;
        Celsius::from_degrees(self.probe_now + noise * NOISE).unwrap_or(Celsius::MAX)
    }
}
