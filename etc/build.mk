MANPAGES += etc/goprobe.ini.5
DOCS += etc/goprobe.ini
DOCS += etc/goquery-audit.rules
# ClickHouse's tables, Grafana's dashboards
DOC_FOLDERS += etc/clickhouse etc/grafana
