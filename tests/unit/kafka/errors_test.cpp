// How librdkafka's errors become instructions. rd_kafka_error_new makes errors without flags only; those with flags
// are seen by the contract tests on a real broker.
#include "core/kafka/errors.h"

#include <catch2/catch.hpp>

namespace kstreamd::kafka {

TEST_CASE("plain errors: what passes, what an operator must see to, what asks to roll back") {
  struct {
    rd_kafka_resp_err_t code;
    Recovery recovery;
  } rows[] = {
      {RD_KAFKA_RESP_ERR__TRANSPORT, Recovery::retry_topology},
      {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, Recovery::retry_topology},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Recovery::retry_topology},
      {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Recovery::stop_topology},
      {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Recovery::stop_topology},
      {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Recovery::stop_topology},
      {RD_KAFKA_RESP_ERR_INVALID_CONFIG, Recovery::stop_topology},
      {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Recovery::abort_transaction},
      {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Recovery::abort_transaction},
      {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Recovery::abort_transaction},
      {RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, Recovery::retry},
  };
  for (const auto& row : rows) {
    CAPTURE(rd_kafka_err2name(row.code));
    Error error = plain_error(row.code, "doing it");
    CHECK(error.recovery == row.recovery);
    CHECK_THAT(error.message, Catch::StartsWith("doing it: "));
    CHECK_THAT(error.message, Catch::Contains(rd_kafka_err2name(row.code)));
  }
}

TEST_CASE("a record that no broker takes stops the topology instead of aborting for ever") {
  CHECK(delivery_error(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "out").recovery == Recovery::stop_topology);
  CHECK(delivery_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "out").recovery == Recovery::retry_topology);
  CHECK(delivery_error(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "out").recovery == Recovery::abort_transaction);
  CHECK_THAT(delivery_error(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "out").message, Catch::Contains("'out'"));
}

namespace {

Error transactional(rd_kafka_resp_err_t code, TransactionCall call,
                    rd_kafka_resp_err_t delivery = RD_KAFKA_RESP_ERR_NO_ERROR) {
  return transaction_error(Handle<rd_kafka_error_t>(rd_kafka_error_new(code, "text")), call, delivery, "out");
}

}  // namespace

TEST_CASE("transactional errors without flags") {
  CHECK(transactional(RD_KAFKA_RESP_ERR__STATE, TransactionCall::commit).recovery == Recovery::recreate_producer);
  CHECK(transactional(RD_KAFKA_RESP_ERR__CONFLICT, TransactionCall::commit).recovery == Recovery::retry);
  CHECK(transactional(RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, TransactionCall::init).recovery ==
        Recovery::stop_topology);
  CHECK(transactional(RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, TransactionCall::init).recovery ==
        Recovery::stop_topology);
}

TEST_CASE("the delivery that failed decides over the transaction's own error, when it would fail again") {
  Error error =
      transactional(RD_KAFKA_RESP_ERR__INCONSISTENT, TransactionCall::commit, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  CHECK(error.recovery == Recovery::stop_topology);
  CHECK_THAT(error.message, Catch::Contains("'out'"));
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("errors of a member: passing ones leave the membership alone") {
  CHECK(member_error(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, false, "").recovery == Recovery::retry);
  CHECK(member_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, false, "").recovery == Recovery::retry_topology);
  Error fenced = member_error(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, true, "");
  CHECK(fenced.recovery == Recovery::retry_topology);
  CHECK(member_error(RD_KAFKA_RESP_ERR__FATAL, true, "").recovery == Recovery::stop_topology);
  Error foreign = member_error(RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, false, "");
  CHECK(foreign.recovery == Recovery::retry_topology);
  CHECK_THAT(foreign.hint, Catch::Contains("Kafka Streams"));
  CHECK_THAT(fenced.hint, Catch::Contains("instance id"));
}

TEST_CASE("an unreachable broker is named with what to check") {
  Error error = unreachable("host:1", "Connection refused");
  CHECK(error.message == "cannot reach Kafka at host:1: Connection refused");
  CHECK_THAT(error.hint, Catch::Contains("bootstrap.servers"));
  CHECK(error.recovery == Recovery::retry_topology);
}

}  // namespace kstreamd::kafka
