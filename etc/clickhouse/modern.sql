-- One ClickHouse server, 20.3 or later: the same tables with types and
-- codecs that take less room, and rows that leave by themselves after
-- three years.
--
-- A row of `flows` counts when `blocks` has its (record, attempt); if
-- a record has several attempts there, the smallest is meant.
-- goprobe-export(8) tells more.

CREATE DATABASE IF NOT EXISTS goprobe;

-- Flows of 5-minute blocks: `time` is a block's start, addresses are
-- in network byte order, IPv4 as ::ffff:a.b.c.d with version 4.
CREATE TABLE IF NOT EXISTS goprobe.flows
(
    day Date,
    time DateTime CODEC(DoubleDelta, LZ4),
    site LowCardinality(String),
    iface LowCardinality(String),
    version UInt8,
    sip FixedString(16) CODEC(ZSTD(1)),
    dip FixedString(16) CODEC(ZSTD(1)),
    dport UInt16,
    proto UInt8,
    l7proto LowCardinality(String),
    category LowCardinality(String),
    bytes_rcvd UInt64 CODEC(T64, LZ4),
    bytes_sent UInt64 CODEC(T64, LZ4),
    packets_rcvd UInt64 CODEC(T64, LZ4),
    packets_sent UInt64 CODEC(T64, LZ4),
    record FixedString(16),
    attempt FixedString(16)
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, sip, dip)
TTL day + INTERVAL 3 YEAR
SETTINGS index_granularity = 8192;

-- One row for each committed record: what it covers, what it lacks.
CREATE TABLE IF NOT EXISTS goprobe.blocks
(
    day Date,
    time DateTime,
    site LowCardinality(String),
    iface LowCardinality(String),
    record FixedString(16),
    attempt FixedString(16),
    first_ns Int64,
    last_ns Int64,
    flags UInt32,
    rows UInt64,
    seen UInt64,
    seen_bytes UInt64,
    non_ip UInt64,
    non_ip_bytes UInt64,
    malformed UInt64,
    malformed_bytes UInt64,
    kernel_drops UInt64,
    iface_drops UInt64,
    overflow UInt64,
    late UInt64,
    time_clamped UInt64,
    unreadable UInt8,
    shipped DateTime
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt)
TTL day + INTERVAL 3 YEAR
SETTINGS index_granularity = 8192;

-- Flows summed by the hour, where [export] hourly asks for them.
CREATE TABLE IF NOT EXISTS goprobe.hours
(
    day Date,
    time DateTime CODEC(DoubleDelta, LZ4),
    site LowCardinality(String),
    iface LowCardinality(String),
    version UInt8,
    sip FixedString(16) CODEC(ZSTD(1)),
    dip FixedString(16) CODEC(ZSTD(1)),
    dport UInt16,
    proto UInt8,
    l7proto LowCardinality(String),
    category LowCardinality(String),
    bytes_rcvd UInt64 CODEC(T64, LZ4),
    bytes_sent UInt64 CODEC(T64, LZ4),
    packets_rcvd UInt64 CODEC(T64, LZ4),
    packets_sent UInt64 CODEC(T64, LZ4),
    record FixedString(16),
    attempt FixedString(16)
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, sip, dip)
TTL day + INTERVAL 3 YEAR
SETTINGS index_granularity = 8192;

-- Which records of `blocks` each committed hour sums.
CREATE TABLE IF NOT EXISTS goprobe.rollups
(
    day Date,
    time DateTime,
    site LowCardinality(String),
    iface LowCardinality(String),
    record FixedString(16),
    attempt FixedString(16),
    covers FixedString(16),
    records UInt32,
    shipped DateTime
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, covers)
TTL day + INTERVAL 3 YEAR
SETTINGS index_granularity = 8192;
