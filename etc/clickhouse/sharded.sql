-- Several ClickHouse servers, 18.16 or later, each with its share of
-- the rows; to be run on each of them.  The cluster's name stands in
-- remote_servers of their configuration.
--
-- A row of `flows` counts when `blocks` has its (record, attempt); if
-- a record has several attempts there, the smallest is meant.
-- goprobe-export(8) tells more.

CREATE DATABASE IF NOT EXISTS goprobe;

-- Flows of 5-minute blocks: `time` is a block's start, addresses are
-- in network byte order, IPv4 as ::ffff:a.b.c.d with version 4.
CREATE TABLE IF NOT EXISTS goprobe.flows_local
(
    day Date,
    time DateTime,
    site String,
    iface String,
    version UInt8,
    sip FixedString(16),
    dip FixedString(16),
    dport UInt16,
    proto UInt8,
    l7proto String,
    category String,
    bytes_rcvd UInt64,
    bytes_sent UInt64,
    packets_rcvd UInt64,
    packets_sent UInt64,
    record FixedString(16),
    attempt FixedString(16)
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, sip, dip)
SETTINGS index_granularity = 8192;

-- One row for each committed record: what it covers, what it lacks.
CREATE TABLE IF NOT EXISTS goprobe.blocks_local
(
    day Date,
    time DateTime,
    site String,
    iface String,
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
SETTINGS index_granularity = 8192;

-- Flows summed by the hour, where [export] hourly asks for them.
CREATE TABLE IF NOT EXISTS goprobe.hours_local
(
    day Date,
    time DateTime,
    site String,
    iface String,
    version UInt8,
    sip FixedString(16),
    dip FixedString(16),
    dport UInt16,
    proto UInt8,
    l7proto String,
    category String,
    bytes_rcvd UInt64,
    bytes_sent UInt64,
    packets_rcvd UInt64,
    packets_sent UInt64,
    record FixedString(16),
    attempt FixedString(16)
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, sip, dip)
SETTINGS index_granularity = 8192;

-- Which records of `blocks` each committed hour sums.
CREATE TABLE IF NOT EXISTS goprobe.rollups_local
(
    day Date,
    time DateTime,
    site String,
    iface String,
    record FixedString(16),
    attempt FixedString(16),
    covers FixedString(16),
    records UInt32,
    shipped DateTime
)
ENGINE = MergeTree
PARTITION BY day
ORDER BY (site, iface, time, record, attempt, covers)
SETTINGS index_granularity = 8192;

CREATE TABLE IF NOT EXISTS goprobe.flows AS goprobe.flows_local
ENGINE = Distributed(goprobe, goprobe, flows_local, cityHash64(site, iface, day));

CREATE TABLE IF NOT EXISTS goprobe.blocks AS goprobe.blocks_local
ENGINE = Distributed(goprobe, goprobe, blocks_local, cityHash64(site, iface, day));

CREATE TABLE IF NOT EXISTS goprobe.hours AS goprobe.hours_local
ENGINE = Distributed(goprobe, goprobe, hours_local, cityHash64(site, iface, day));

CREATE TABLE IF NOT EXISTS goprobe.rollups AS goprobe.rollups_local
ENGINE = Distributed(goprobe, goprobe, rollups_local, cityHash64(site, iface, day));
