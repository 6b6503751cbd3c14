#!/usr/bin/env python3
"""Avro and Protobuf with schema registries: what one topology writes another reads; an outage, or a registry that is not to be trusted, stops,
and harms nothing."""

import json

import lab
import registry

AVRO = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}, {"name": "sku", "type": "string"}]}
NEWER = {"type": "record", "name": "Order",
         "fields": [{"name": "id", "type": "double"}, {"name": "count", "type": "int", "default": 1}, {"name": "sku", "type": "string"}]}
PROTO = 'syntax = "proto3"; package shop; message Other { string text = 1; } message Order { int64 id = 1; string sku = 2; }'

WRITES = """
kstreamd: 1
name: TAG-writes
nodes:
  orders: { source: { topic: TAG-json, key: string, value: json } }
  avro: { from: orders, sink: { topic: TAG-avro, key: string, value: { avro: { registry: "URL", schema: order.avsc } } } }
  proto: { from: orders, sink: { topic: TAG-proto, key: string, value: { protobuf: { registry: "URL", schema: order.proto, message: Order } } } }
"""
READS = """
kstreamd: 1
name: TAG-reads
nodes:
  avro: { source: { topic: TAG-avro, key: string, value: { avro: { registry: "URL" } } } }
  newer: { source: { topic: TAG-avro, key: string, value: { avro: { registry: "URL", schema: newer.avsc } } } }
  again: { from: avro, sink: { topic: TAG-again, key: string, value: { avro: { registry: "URL", subject: TAG-avro-value } } } }
  proto: { source: { topic: TAG-proto, key: string, value: { protobuf: { registry: "URL" } } } }
  from_avro: { from: avro, sink: { topic: TAG-from-avro, key: string, value: json } }
  from_newer: { from: newer, sink: { topic: TAG-from-newer, key: string, value: json } }
  from_proto: { from: proto, sink: { topic: TAG-from-proto, key: string, value: json } }
"""

ITEM = {"type": "record", "name": "Item", "namespace": "shop", "fields": [{"name": "sku", "type": "string"}]}
BASKET = {"type": "record", "name": "Basket", "namespace": "shop", "fields": [{"name": "items", "type": {"type": "array", "items": "Item"}}]}
ITEM_PROTO = 'syntax = "proto3"; package shop; message Item { string sku = 1; }'
BASKET_PROTO = 'syntax = "proto3"; package shop; import "item.proto"; message Basket { repeated Item items = 1; }'
BASKETS = """
kstreamd: 1
name: TAG-baskets
nodes:
  in: { source: { topic: TAG-json, key: string, value: json } }
  avro: { from: in, sink: { topic: TAG-avro, key: string, value: { avro: { registry: "URL", subject: basket } } } }
  proto: { from: in, sink: { topic: TAG-proto, key: string, value: { protobuf: { registry: "URL", schema: basket.proto } } } }
"""


class WithRegistry(lab.LabTest):
    log_type = lab.EmbeddedLog

    registry = None

    def setUp(self):
        super().setUp()
        self.registry = registry.Registry.start(self.folder / "registry")
        if self.registry is None:
            self.skipTest("there is no registry to be had from Maven")
        (self.folder / "order.avsc").write_text(json.dumps(AVRO))
        (self.folder / "newer.avsc").write_text(json.dumps(NEWER))
        (self.folder / "order.proto").write_text(PROTO)

    def tearDown(self):
        if self.registry:
            self.registry.stop()
        super().tearDown()

    def file(self, text, name):
        return self.topology(text.replace("URL", self.registry.url), name)

    def drain(self, file):
        return super().drain(file, "--partitions", 1)

    def values(self, topic):
        return [record["value"] for record in self.log.consume(topic, "--value", "json")]

    def test_what_one_topology_writes_another_reads(self):
        writes, reads = self.file(WRITES, "writes"), self.file(READS, "reads")
        tag = self.tag
        self.log.create(f"{tag}-json", 1)
        orders = [{"id": 9007199254740993, "sku": "a"}, {"id": -1, "sku": ""}]
        self.log.produce(f"{tag}-json", [json.dumps(order) for order in orders], "--value", "json")
        self.drain(writes)
        self.assertEqual(sorted(json.loads(self.registry.get("/subjects"))), [f"{tag}-avro-value", f"{tag}-proto-value"])
        self.drain(reads)
        self.assertEqual(self.values(f"{tag}-from-avro"), orders)
        self.assertEqual(self.values(f"{tag}-from-proto"), orders)
        self.assertEqual(self.values(f"{tag}-from-newer"), [{"count": 1, "id": 9007199254740992.0, "sku": "a"}, {"count": 1, "id": -1.0, "sku": ""}])
        # By the subject's latest schema, the same bytes as by the file's.
        raw = [[record["value"] for record in self.log.consume(f"{tag}-{topic}", "--value", "bytes")] for topic in ("again", "avro")]
        self.assertEqual(raw[0], raw[1])
        spec = json.dumps({"avro": {"registry": self.registry.url}})
        self.assertEqual([record["value"] for record in self.log.consume(f"{tag}-avro", "--value", spec)], orders)

    def test_schemas_that_refer_to_others(self):
        (self.folder / "item.proto").write_text(ITEM_PROTO)
        (self.folder / "basket.proto").write_text(BASKET_PROTO)
        self.registry.register("item", json.dumps(ITEM))
        self.registry.register("basket", json.dumps(BASKET), references=[{"name": "shop.Item", "subject": "item", "version": 1}])
        tag, basket = self.tag, {"items": [{"sku": "a"}, {"sku": "b"}]}
        self.log.create(f"{tag}-json", 1)
        self.log.produce(f"{tag}-json", [json.dumps(basket)], "--value", "json")
        self.drain(self.file(BASKETS, "baskets"))
        self.assertEqual(sorted(json.loads(self.registry.get("/subjects"))), ["basket", "item", "item.proto", f"{tag}-proto-value"])
        registered = json.loads(self.registry.get(f"/subjects/{tag}-proto-value/versions/1"))
        self.assertEqual(registered["references"], [{"name": "item.proto", "subject": "item.proto", "version": 1}])
        for kind in ("avro", "proto"):
            spec = json.dumps({kind.replace("proto", "protobuf"): {"registry": self.registry.url}})
            self.assertEqual([record["value"] for record in self.log.consume(f"{tag}-{kind}", "--value", spec)], [basket])

    def test_an_outage_stops_the_topology_until_the_registry_is_back(self):
        self.registry.stop()
        writes = self.file(WRITES, "writes")
        tag = self.tag
        self.log.create(f"{tag}-json", 1)
        self.log.produce(f"{tag}-json", ['{"id":1,"sku":"a"}'], "--value", "json")
        daemon = self.daemon(writes, "--partitions", 1)
        daemon.wait_log(r"the schema registry .* cannot be reached")
        self.registry = self.registry.again()
        lab.until(lambda: json.loads(self.registry.get("/subjects")), "the subjects", deadline_s=120, every_s=1)
        daemon.stop()
        self.drain(writes)
        self.assertEqual(len(self.log.consume(f"{tag}-avro")), 1)
        self.assertEqual(len(self.log.consume(f"{tag}-proto")), 1)


class OverTls(lab.LabTest):
    """A registry that is reached over TLS and with a password, which shows nowhere."""

    log_type = lab.EmbeddedLog

    PASSWORD = "open-sesame-4711"

    def setUp(self):
        super().setUp()
        self.authority = registry.Authority(self.folder, "authority")
        (self.folder / "password").write_text(self.PASSWORD + "\n")
        (self.folder / "order.avsc").write_text(json.dumps(AVRO))
        self.log.create(f"{self.tag}-json", 1)
        self.log.produce(f"{self.tag}-json", ['{"id":1,"sku":"a"}'], "--value", "json")

    def registry(self, host="localhost", days=2):
        made = registry.GuardedRegistry(self.authority.certificate(host, days), "ann", self.PASSWORD)
        self.addCleanup(made.stop)
        return made

    def serde(self, url, **more):
        arguments = {"registry": url, "user": "ann", "password": "${file:%s}" % (self.folder / "password"), **more}
        return json.dumps({"avro": arguments})

    def writer(self, serde):
        file = self.topology(f"""
kstreamd: 1
name: TAG
nodes:
  orders: {{ source: {{ topic: TAG-json, key: string, value: json }} }}
  written: {{ from: orders, sink: {{ topic: TAG-avro, key: string, value: {serde} }} }}
""")
        return self.daemon(file, "--partitions", 1)

    def hides_the_password(self, daemon):
        shown = [daemon.output(), daemon.get("/metrics")[1], daemon.get("/api/v1/topologies")[1]]
        self.assertTrue(all(shown))
        for secret in (self.PASSWORD, registry.basic("ann", self.PASSWORD)):
            self.assertNotIn(secret, "".join(shown))

    def refused(self, url, why, **more):
        """Nothing is written, and the log says why in one line."""
        daemon = self.writer(self.serde(url, schema="order.avsc", **more))
        daemon.wait_log(f'the schema registry {url} [^\n]*{why}')
        self.hides_the_password(daemon)
        self.assertEqual(daemon.metric("kstreamd_records_produced_total"), 0)
        daemon.stop()

    def test_with_its_authority_schemas_are_registered_and_read(self):
        trusted = self.registry()
        daemon = self.writer(self.serde(trusted.url, schema="order.avsc", ca="authority.pem"))
        lab.until(lambda: daemon.metric("kstreamd_records_produced_total") == 1, lambda: "the record to be written: " + daemon.output())
        self.hides_the_password(daemon)
        daemon.stop()
        self.assertEqual([json.loads(schema) for schema in trusted.schemas], [AVRO])
        read = self.log.consume(f"{self.tag}-avro", "--value", self.serde(trusted.url, ca=str(self.authority.file)))
        self.assertEqual([record["value"] for record in read], [{"id": 1, "sku": "a"}])

    def test_without_its_authority_it_is_not_trusted(self):
        self.refused(self.registry().url, "certificate is not trusted: .*certificate.*ca: FILE")

    def test_another_authority_does_not_do(self):
        registry.Authority(self.folder, "other")
        self.refused(self.registry().url, "certificate is not trusted: .*certificate.*ca: FILE", ca="other.pem")

    def test_a_certificate_for_another_host_does_not_do(self):
        self.refused(self.registry(host="registry.example").url, "certificate is not for the host 'localhost'.*ca", ca="authority.pem")

    def test_a_certificate_that_has_expired_does_not_do(self):
        self.refused(self.registry(days=-1).url, "certificate is not trusted: certificate has expired", ca="authority.pem")

    def test_a_file_without_certificates_is_named(self):
        self.refused(self.registry().url, "the certificates of 'ca' cannot be read from '[^\n]*/none.pem'", ca="none.pem")

    def test_a_registry_without_tls_is_not_reached_with_https(self):
        plain = registry.GuardedRegistry(None, "ann", self.PASSWORD)
        self.addCleanup(plain.stop)
        self.refused(plain.url.replace("http:", "https:"), "no TLS connection.*registry: http://")

    def test_a_wrong_password_is_not_shown_either(self):
        trusted = self.registry()
        self.PASSWORD = "wrong-sesame-0815"
        (self.folder / "password").write_text(self.PASSWORD)
        self.refused(trusted.url, "Unauthorized.*check user and password", ca="authority.pem")


if __name__ == "__main__":
    lab.main()
