//! The sets of `NetFlow` v9 (RFC 3954) and IPFIX (RFC 7011): templates, options, data.

use super::Flow;
use super::exporter::{Exporter, Limits, StreamKey, Waiting};
use super::plan::Plan;
use super::read::{FlowError, Reader, number};
use super::record::{Clock, Record};
use super::template::{self, Field, Slot, Template, Visitor};

/// Smallest id of a set that holds data; smaller ones are templates or reserved.
const FIRST_DATA_SET: u16 = 256;

/// What all sets of a datagram share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) stream: StreamKey,
    pub(super) clock: Clock,
}

impl Message {
    fn is_ipfix(self) -> bool {
        self.stream.0 == 10
    }
}

/// What a datagram held.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) flows: u64,
    /// Records about traffic that were in this datagram.
    pub(super) own_flows: u32,
    /// Records of any kind: the sequence numbers of IPFIX count them.
    pub(super) records: u32,
}

/// Decodes all sets of a message.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    message: Message,
    (exporter, limits): (&mut Exporter, &Limits),
    sink: &mut impl FnMut(Flow),
) -> Result<Held, FlowError> {
    let mut held = Held::default();
    // Up to three bytes may be left over as padding.
    while reader.left() >= 4 {
        let (id, len) = (reader.u16("a set's id")?, reader.u16("a set's length")?);
        let Some(len) = usize::from(len).checked_sub(4) else {
            return Err(reader.impossible("a set's length"));
        };
        let mut set = reader.part(len, "a set")?;
        match (message.is_ipfix(), id) {
            (false, 0) | (true, 2) => templates(&mut set, message, exporter, limits, &mut held, sink)?,
            (false, 1) | (true, 3) => options_templates(&mut set, message, exporter, limits)?,
            (_, FIRST_DATA_SET..) => data(&mut set, id, message, (exporter, limits), &mut held, sink)?,
            // Reserved: a later version of the protocol may use it.
            _ => {}
        }
    }
    Ok(held)
}

fn templates(
    set: &mut Reader<'_>,
    message: Message,
    exporter: &mut Exporter,
    limits: &Limits,
    held: &mut Held,
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    while set.left() >= 4 {
        let (id, count) = (set.u16("a template's id")?, set.u16("a number of fields")?);
        if id < FIRST_DATA_SET {
            // Zeros at the end are padding; IPFIX withdraws all templates by the id of their set.
            if id == 2 && count == 0 && message.is_ipfix() {
                withdraw(exporter, message, |template| !template.is_options);
            }
            continue;
        }
        if count == 0 {
            exporter.templates.remove(&(message.stream.0, message.stream.1, id));
            continue;
        }
        let fields = template::fields(set, usize::from(count), message.is_ipfix())?;
        learn(id, fields, false, message, (exporter, limits), held, sink)?;
    }
    Ok(())
}

fn withdraw(exporter: &mut Exporter, message: Message, which: impl Fn(&Template) -> bool) {
    let of_stream = |key: &(u16, u32, u16)| (key.0, key.1) == message.stream;
    exporter.templates.retain(|key, template| !(of_stream(key) && which(template)));
}

/// Remembers a template and decodes the data that waited for it.
fn learn(
    id: u16,
    fields: Vec<Field>,
    is_options: bool,
    message: Message,
    (exporter, limits): (&mut Exporter, &Limits),
    held: &mut Held,
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    let key = (message.stream.0, message.stream.1, id);
    let Some(template) = Template::new(fields, is_options, message.clock.export_ms) else {
        return Ok(());
    };
    if exporter.learn(key, template, limits) {
        for waiting in exporter.arrived(key) {
            let earlier = Message { clock: waiting.clock, ..message };
            let mut set = Reader::new(&waiting.bytes);
            let mut counted = Held::default();
            data(&mut set, id, earlier, (exporter, limits), &mut counted, sink)?;
            held.flows += counted.flows;
        }
    }
    Ok(())
}

fn options_templates(
    set: &mut Reader<'_>,
    message: Message,
    exporter: &mut Exporter,
    limits: &Limits,
) -> Result<(), FlowError> {
    while set.left() >= 6 {
        let id = set.u16("a template's id")?;
        let (first, second) = (set.u16("a number of fields")?, set.u16("a number of scopes")?);
        if id < FIRST_DATA_SET {
            if id == 3 && first == 0 && message.is_ipfix() {
                withdraw(exporter, message, |template| template.is_options);
            }
            continue;
        }
        let (count, scopes) = if message.is_ipfix() {
            (usize::from(first), usize::from(second))
        } else {
            // Version 9 gives the lengths of both parts in bytes.
            (usize::from(first) / 4 + usize::from(second) / 4, usize::from(first) / 4)
        };
        if count == 0 {
            exporter.templates.remove(&(message.stream.0, message.stream.1, id));
            continue;
        }
        let mut fields = template::fields(set, count, message.is_ipfix())?;
        if !message.is_ipfix() {
            // Scopes of version 9 have numbers of their own: 2 is an interface, the others say nothing here.
            for scope in fields.iter_mut().take(scopes) {
                scope.id = if scope.id == 2 { 10 } else { 0 };
            }
        }
        if let Some(template) = Template::new(fields, true, message.clock.export_ms) {
            exporter.learn((message.stream.0, message.stream.1, id), template, limits);
        }
    }
    Ok(())
}

fn data(
    set: &mut Reader<'_>,
    id: u16,
    message: Message,
    (exporter, limits): (&mut Exporter, &Limits),
    held: &mut Held,
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    let key = (message.stream.0, message.stream.1, id);
    if !exporter.has_template(key, message.clock.export_ms, limits) {
        exporter.wait(Waiting { key, clock: message.clock, bytes: set.rest().into() }, limits);
        return Ok(());
    }
    // Taken out while it is used, so that records can change the rest of what is remembered.
    let Some(template) = exporter.templates.remove(&key) else { return Ok(()) };
    let done = if template.is_options {
        template.walk(set, &mut Options { told: Told::default(), message, exporter, limits, held })
    } else {
        template.walk(set, &mut Flows { record: Record::EMPTY, message, exporter, held, sink })
    };
    exporter.templates.insert(key, template);
    done
}

/// Turns records into flows.
struct Flows<'s, S> {
    record: Record,
    message: Message,
    exporter: &'s mut Exporter,
    held: &'s mut Held,
    sink: &'s mut S,
}

impl<'a, S: FnMut(Flow)> Visitor<'a> for Flows<'_, S> {
    #[inline]
    fn value(&mut self, slot: Slot, bytes: &'a [u8]) {
        self.record.set(slot, bytes, self.message.clock);
    }

    #[inline]
    fn end(&mut self) {
        let record = &self.record;
        let told = || self.exporter.sampling(self.message.stream, record.sampler);
        let sampling = record.interval.unwrap_or_else(told);
        self.held.records += 1;
        self.held.own_flows += 1;
        match record.flow(self.message.clock, sampling) {
            Some(flow) => {
                self.held.flows += 1;
                (self.sink)(flow);
            }
            None => self.exporter.counters.without_address += 1,
        }
        self.record = Record::EMPTY;
    }

    #[inline]
    fn planned(&mut self, plan: &Plan, record: &'a [u8]) {
        let sampling = self.exporter.sampling(self.message.stream, plan.sampler(record));
        let flow = plan.flow(record, self.message.clock, sampling);
        self.held.records += 1;
        self.held.own_flows += 1;
        self.held.flows += 1;
        (self.sink)(flow);
    }
}

/// What an options record may tell: a rate of sampling, the name of an interface.
#[derive(Default)]
struct Told<'a> {
    sampler: Option<u64>,
    interval: Option<u64>,
    packets: Option<u64>,
    space: Option<u64>,
    interface: Option<u64>,
    name: Option<&'a [u8]>,
}

impl Told<'_> {
    /// Packets on the wire for each one chosen (RFC 5477: of `packets` + `space`, `packets` are chosen).
    fn rate(&self) -> Option<u32> {
        let rate = match (self.interval, self.packets, self.space) {
            (Some(interval), ..) => interval,
            (None, Some(packets), Some(space)) if packets > 0 => packets.saturating_add(space) / packets,
            _ => return None,
        };
        u32::try_from(rate).ok()
    }
}

/// Remembers what options records tell.
struct Options<'a, 's> {
    told: Told<'a>,
    message: Message,
    exporter: &'s mut Exporter,
    limits: &'s Limits,
    held: &'s mut Held,
}

impl<'a> Visitor<'a> for Options<'a, '_> {
    fn value(&mut self, slot: Slot, bytes: &'a [u8]) {
        let told = &mut self.told;
        match slot {
            Slot::SamplerId => told.sampler = Some(number(bytes)),
            Slot::SamplingInterval => told.interval = Some(number(bytes)),
            Slot::PacketInterval => told.packets = Some(number(bytes)),
            Slot::PacketSpace => told.space = Some(number(bytes)),
            Slot::Ingress | Slot::Egress => told.interface = Some(number(bytes)),
            Slot::InterfaceName => told.name = Some(bytes),
            _ => {}
        }
    }

    fn end(&mut self) {
        let told = std::mem::take(&mut self.told);
        self.held.records += 1;
        if let Some(rate) = told.rate() {
            self.exporter.note_sampling(self.message.stream, told.sampler, rate, self.limits);
        }
        if let (Some(index), Some(name)) = (told.interface.and_then(|i| u32::try_from(i).ok()), told.name) {
            self.exporter.note_interface(index, name, self.limits);
        }
    }

    fn planned(&mut self, _: &Plan, _: &'a [u8]) {
        // Options templates have no plan.
    }
}
