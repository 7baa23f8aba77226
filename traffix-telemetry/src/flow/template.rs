//! Templates: what an exporter says its records look like, compiled to what of them matters.

use super::plan::Plan;
use super::read::{FlowError, Reader};

/// Length that announces a length before each value (RFC 7011 section 7).
const VARIABLE: u16 = 0xffff;

/// A field as announced. Fields of enterprises have no meaning here, only a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: u16,
    pub(super) enterprise: u32,
    pub(super) len: u16,
}

/// What a field's value is for. The numbers are those of the IANA registry "IPFIX Information Elements", which are
/// those of `NetFlow` v9 below 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Bytes,
    BytesOut,
    BytesTotal,
    Packets,
    PacketsOut,
    PacketsTotal,
    Protocol,
    SourcePort,
    DestinationPort,
    Source4,
    Destination4,
    Source6,
    Destination6,
    Ingress,
    Egress,
    FirstUptime,
    LastUptime,
    StartSecs,
    EndSecs,
    StartMs,
    EndMs,
    StartNtp,
    EndNtp,
    StartDeltaUs,
    EndDeltaUs,
    SystemInitMs,
    Direction,
    SamplingInterval,
    SamplerId,
    PacketInterval,
    PacketSpace,
    InterfaceName,
}

impl Field {
    pub(super) fn slot(self) -> Option<Slot> {
        if self.enterprise != 0 {
            return None;
        }
        Some(match self.id {
            1 => Slot::Bytes,
            2 => Slot::Packets,
            4 => Slot::Protocol,
            7 => Slot::SourcePort,
            8 => Slot::Source4,
            10 => Slot::Ingress,
            11 => Slot::DestinationPort,
            12 => Slot::Destination4,
            14 => Slot::Egress,
            21 => Slot::LastUptime,
            22 => Slot::FirstUptime,
            23 => Slot::BytesOut,
            24 => Slot::PacketsOut,
            27 => Slot::Source6,
            28 => Slot::Destination6,
            34 | 50 => Slot::SamplingInterval,
            48 | 302 => Slot::SamplerId,
            61 => Slot::Direction,
            82 => Slot::InterfaceName,
            85 => Slot::BytesTotal,
            86 => Slot::PacketsTotal,
            150 => Slot::StartSecs,
            151 => Slot::EndSecs,
            152 => Slot::StartMs,
            153 => Slot::EndMs,
            154 | 156 => Slot::StartNtp,
            155 | 157 => Slot::EndNtp,
            158 => Slot::StartDeltaUs,
            159 => Slot::EndDeltaUs,
            160 => Slot::SystemInitMs,
            305 => Slot::PacketInterval,
            306 => Slot::PacketSpace,
            _ => return None,
        })
    }
}

/// Where a value that matters is in a record of fixed length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Op {
    pub(super) slot: Slot,
    pub(super) at: u16,
    pub(super) len: u16,
}

/// How records are walked.
#[derive(Debug)]
pub(super) enum Layout {
    /// All records are of `len` bytes.
    Fixed { len: usize, ops: Box<[Op]>, plan: Option<Box<Plan>> },
    /// Some fields carry their length; no record is shorter than `min_len`.
    Variable { min_len: usize, fields: Box<[(Option<Slot>, u16)]> },
}

/// A template with when it was last announced.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) fields: Box<[Field]>,
    pub(super) layout: Layout,
    /// Records tell about the exporter, not about traffic.
    pub(super) is_options: bool,
    pub(super) seen_ms: i64,
}

impl Template {
    /// Compiles fields. A record without any byte would never end a set: it is refused.
    pub(super) fn new(fields: Vec<Field>, is_options: bool, seen_ms: i64) -> Option<Self> {
        let width = |field: &Field| if field.len == VARIABLE { 1 } else { usize::from(field.len) };
        let min_len: usize = fields.iter().map(width).sum();
        // A datagram holds no more than 65,535 bytes, so a longer record never comes.
        if min_len == 0 || min_len > usize::from(u16::MAX) {
            return None;
        }
        let layout = if fields.iter().any(|field| field.len == VARIABLE) {
            let fields = fields.iter().map(|field| (field.slot(), field.len)).collect();
            Layout::Variable { min_len, fields }
        } else {
            let mut at = 0;
            let mut ops = Vec::new();
            for field in &fields {
                if let Some(slot) = field.slot() {
                    ops.push(Op { slot, at, len: field.len });
                }
                at += field.len;
            }
            let plan = if is_options { None } else { Plan::new(&ops).map(Box::new) };
            Layout::Fixed { len: min_len, ops: ops.into(), plan }
        };
        Some(Self { fields: fields.into(), layout, is_options, seen_ms })
    }

    /// Shows `visitor` every value that matters of every record in `set`. What is left at the end, shorter than a
    /// record, is padding.
    pub(super) fn walk<'a>(
        &self,
        set: &mut Reader<'a>,
        visitor: &mut impl Visitor<'a>,
    ) -> Result<(), FlowError> {
        match &self.layout {
            Layout::Fixed { len, plan: Some(plan), .. } => {
                for record in set.rest().chunks_exact(*len) {
                    visitor.planned(plan, record);
                }
            }
            Layout::Fixed { len, ops, plan: None } => {
                for record in set.rest().chunks_exact(*len) {
                    for op in ops {
                        let at = usize::from(op.at);
                        visitor.value(op.slot, &record[at..at + usize::from(op.len)]);
                    }
                    visitor.end();
                }
            }
            Layout::Variable { min_len, fields } => {
                while set.left() >= *min_len {
                    for &(slot, len) in fields {
                        let len = if len == VARIABLE { variable_len(set)? } else { usize::from(len) };
                        let bytes = set.take(len, "a field")?;
                        if let Some(slot) = slot {
                            visitor.value(slot, bytes);
                        }
                    }
                    visitor.end();
                }
            }
        }
        Ok(())
    }
}

/// Sees the records of a set, value by value.
pub(super) trait Visitor<'a> {
    /// A value of the current record.
    fn value(&mut self, slot: Slot, bytes: &'a [u8]);
    /// The current record is over.
    fn end(&mut self);
    /// A whole record of a template that has a plan.
    fn planned(&mut self, plan: &Plan, record: &'a [u8]);
}

/// The length before a value: one byte, or 255 and two bytes.
fn variable_len(set: &mut Reader<'_>) -> Result<usize, FlowError> {
    match set.u8("the length of a field")? {
        255 => Ok(usize::from(set.u16("the length of a field")?)),
        len => Ok(usize::from(len)),
    }
}

/// The fields of an IPFIX or v9 template record; only IPFIX has enterprises.
pub(super) fn fields(
    record: &mut Reader<'_>,
    count: usize,
    with_enterprises: bool,
) -> Result<Vec<Field>, FlowError> {
    // Every field takes four bytes: a count that does not fit is refused before anything is allocated for it.
    if count > record.left() / 4 {
        return Err(record.impossible("a number of fields"));
    }
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let (id, len) = (record.u16("a field's id")?, record.u16("a field's length")?);
        let has_enterprise = with_enterprises && id & 0x8000 != 0;
        let enterprise = if has_enterprise { record.u32("an enterprise number")? } else { 0 };
        let id = if has_enterprise { id & 0x7fff } else { id };
        fields.push(Field { id, enterprise, len });
    }
    Ok(fields)
}
