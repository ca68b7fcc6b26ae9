"""A real clickhouse-server for a test: started on free loopback ports as an
unprivileged user with a folder of its own, stopped by its pid.

Several of them make a cluster; with the address of a ZooKeeper their tables
can be replicated.  Only the standard library is used.
"""

import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

SERVER = shutil.which("clickhouse-server", path="/usr/sbin:/usr/bin")
NOBODY = 65534

# accounts, and what in their profiles ends an answer early without an error
CUTTING = {
    "reads_few": "<readonly>2</readonly><max_rows_to_read>300"
    "</max_rows_to_read><read_overflow_mode>break</read_overflow_mode>",
    "groups_few": "<readonly>2</readonly><max_rows_to_group_by>2"
    "</max_rows_to_group_by><group_by_overflow_mode>any"
    "</group_by_overflow_mode>",
    "returns_few": "<readonly>0</readonly><max_result_rows>2"
    "</max_result_rows><result_overflow_mode>break</result_overflow_mode>",
    "reads_enough": "<readonly>2</readonly><max_rows_to_read>1000000000"
    "</max_rows_to_read><read_overflow_mode>break</read_overflow_mode>",
    "may_not_say": "<readonly>1</readonly><max_rows_to_read>1000000000"
    "</max_rows_to_read><read_overflow_mode>break</read_overflow_mode>",
    "skips": "<skip_unavailable_shards>1</skip_unavailable_shards>",
    "may_skip": "<readonly>1</readonly><skip_unavailable_shards>1"
    "</skip_unavailable_shards>",
}


HELD = []


def free_port():
    """Below those that connections get, one of which might take it before the
    server does.  Nobody else is given it until we end: a name stands for it,
    since the server may not have begun to listen when the next one asks."""
    while True:
        port = random.SystemRandom().randrange(20000, 32768)
        name = socket.socket(socket.AF_UNIX)
        with socket.socket() as s:
            try:
                name.bind("\0goprobe-test.port.%d" % port)
                s.bind(("127.0.0.1", port))
            except OSError:
                name.close()
                continue
        HELD.append(name)
        return port


def unprivileged():
    """For subprocess: nobody, where we are root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


class Server:
    def __init__(self, folder, cluster=None, shard=1, replica=1,
                 zookeeper=None):
        self.folder = folder
        self.http, self.tcp, self.inter = (free_port(), free_port(),
                                           free_port())
        self.cluster, self.shard, self.replica = cluster, shard, replica
        self.zookeeper = zookeeper
        self.process = None
        os.makedirs(folder + "/data", exist_ok=True)
        os.makedirs(folder + "/tmp", exist_ok=True)

    def url(self):
        return "http://127.0.0.1:%d/" % self.http

    def configure(self, shards=None):
        """shards: lists of servers; all of them, after all exist"""
        remote = ""
        if shards:
            remote = "<remote_servers><%s>%s</%s></remote_servers>" % (
                self.cluster, "".join(
                    "<shard><internal_replication>true</internal_replication>"
                    + "".join("<replica><host>127.0.0.1</host><port>%d</port>"
                              "</replica>" % s.tcp for s in shard) +
                    "</shard>" for shard in shards), self.cluster)
        keeper = ""
        if self.zookeeper:
            keeper = ("<zookeeper><node><host>127.0.0.1</host><port>%d</port>"
                      "</node></zookeeper>"
                      "<distributed_ddl><path>/clickhouse/ddl</path>"
                      "</distributed_ddl>" % self.zookeeper)
        with open(self.folder + "/config.xml", "w") as out:
            out.write("""<yandex>
<logger><level>warning</level><log>{f}/log</log><errorlog>{f}/err</errorlog>
</logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>
<interserver_http_port>{inter}</interserver_http_port>
<interserver_http_host>127.0.0.1</interserver_http_host>
<listen_host>127.0.0.1</listen_host>
<path>{f}/data/</path><tmp_path>{f}/tmp/</tmp_path>
<users_config>users.xml</users_config>
<default_profile>default</default_profile>
<default_database>default</default_database>
<mark_cache_size>67108864</mark_cache_size>
<macros><shard>{shard}</shard><replica>{replica}</replica></macros>
{remote}{keeper}
</yandex>
""".format(f=self.folder, http=self.http, tcp=self.tcp, inter=self.inter,
                shard=self.shard, replica=self.replica, remote=remote,
                keeper=keeper))
        with open(self.folder + "/users.xml", "w") as out:
            out.write("""<yandex>
<profiles><default><max_memory_usage>4000000000</max_memory_usage>
</default><look><readonly>1</readonly></look>
<ask><readonly>2</readonly></ask>
{cutting}</profiles>
<users>
<default><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default>
<sensor><password>s3cret-word</password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></sensor>
<looker><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>look</profile><quota>default</quota></looker>
<analyst><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>ask</profile><quota>default</quota></analyst>
{cut}</users>
<quotas><default></default></quotas></yandex>
""".format(
                cutting="".join("<%s>%s</%s>\n" % (name, settings, name)
                                for name, settings in CUTTING.items()),
                cut="".join("<%s><password></password><networks><ip>127.0.0.1"
                            "</ip></networks><profile>%s</profile>"
                            "<quota>default</quota></%s>\n" % (n, n, n)
                            for n in CUTTING)))
        if os.geteuid() == 0:
            for top, folders, files in os.walk(self.folder):
                os.chown(top, NOBODY, NOBODY)
                for name in files:
                    os.chown(os.path.join(top, name), NOBODY, NOBODY)

    def start(self):
        with open(self.folder + "/out", "a") as out:
            self.process = subprocess.Popen(
                [SERVER, "--config-file=" + self.folder + "/config.xml"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.folder, **unprivileged())
        self.wait()

    def wait(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if self.ask("SELECT 1") == "1\n":
                    return
            except (OSError, http.client.HTTPException, RuntimeError):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.folder + "/out") as text:
            raise RuntimeError("clickhouse-server does not start: " +
                               text.read()[-2000:])

    def ask(self, sql, timeout=120):
        c = http.client.HTTPConnection("127.0.0.1", self.http,
                                       timeout=timeout)
        c.request("POST", "/", sql.encode())
        r = c.getresponse()
        text = r.read().decode("utf-8", "surrogateescape")
        c.close()
        if r.status != 200:
            raise RuntimeError("clickhouse: " + text)
        return text

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def query_url(url, sql):
    return url + "?" + urllib.parse.urlencode({"query": sql})
