#include "core/kafka/errors.h"

#include "core/base/log.h"

namespace kstreamd::kafka {
namespace {

bool is_denied(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
      return true;
    default:
      return false;
  }
}

bool is_missing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

// Wrong settings, versions and names: the same again each time.
bool is_permanent(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__NOT_CONFIGURED:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
      return true;
    default:
      return is_denied(code);
  }
}

// A record that no broker takes, however often it is sent.
bool is_bad_record(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return true;
    default:
      return false;
  }
}

bool is_expelled(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
         code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

const char* call_name(TransactionCall call) {
  switch (call) {
    case TransactionCall::init:
      return "init_transactions";
    case TransactionCall::begin:
      return "begin_transaction";
    case TransactionCall::send_offsets:
      return "send_offsets_to_transaction";
    case TransactionCall::commit:
      return "commit_transaction";
    case TransactionCall::abort:
      return "abort_transaction";
  }
  return "transaction";
}

std::string hint_of(rd_kafka_resp_err_t code) {
  if (is_denied(code)) return "check the security settings under kafka: and the broker's ACLs for this principal";
  if (is_bad_record(code)) return "raise message.max.bytes here and on the topic, or make the records smaller";
  switch (code) {
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return "transaction.timeout.ms is above the broker's transaction.max.timeout.ms";
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return "session.timeout.ms is outside the broker's group.min/max.session.timeout.ms";
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return "if it comes again and again, another process has joined with the same instance id: does it use a copy of "
             "this state folder?";
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      return "the group has members of another kind, such as a Kafka Streams application of this name: stop them; "
             "those "
             "stopped belong to it until their session ends (45 s with Kafka Streams' defaults)";
    default:
      return "";
  }
}

std::string named(rd_kafka_resp_err_t code, const std::string& detail) {
  std::string text = detail.empty() ? rd_kafka_err2str(code) : detail;
  return text + " [" + rd_kafka_err2name(code) + "]";
}

// What a transactional error asks for; the order of the questions matters.
Recovery transaction_recovery(const rd_kafka_error_t* error, TransactionCall call) {
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  if (is_permanent(code)) return Recovery::stop_topology;
  if (is_missing(code)) return Recovery::retry_topology;  // an input was deleted
  if (rd_kafka_error_is_fatal(error)) return Recovery::recreate_producer;
  if (code == RD_KAFKA_RESP_ERR__CONFLICT) return Recovery::retry;  // another call is still under way inside
  // A commit or an abort that did not hear the answer: its EndTxn may arrive later, in the next transaction, unless the
  // producer's epoch has moved by then.
  bool ends = call == TransactionCall::commit || call == TransactionCall::abort;
  if (rd_kafka_error_is_retriable(error)) return ends ? Recovery::recreate_producer : Recovery::retry;
  if (rd_kafka_error_txn_requires_abort(error))
    return call == TransactionCall::abort ? Recovery::recreate_producer : Recovery::abort_transaction;
  return Recovery::recreate_producer;
}

}  // namespace

bool is_unreachable(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
         code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
         code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
}

Error unreachable(const std::string& bootstrap, const std::string& cause) {
  return {Recovery::retry_topology, "cannot reach Kafka at " + bootstrap + ": " + (cause.empty() ? "no answer" : cause),
          "is it running, and is bootstrap.servers right?"};
}

Error missing_topic(const std::string& topic) {
  return {Recovery::retry_topology, "topic '" + topic + "' does not exist", "create it; it will be tried again"};
}

Error plain_error(rd_kafka_resp_err_t code, const std::string& what, const std::string& detail) {
  Recovery recovery = Recovery::retry_topology;
  if (is_permanent(code) || is_bad_record(code))
    recovery = Recovery::stop_topology;
  else if (is_expelled(code))
    recovery = Recovery::abort_transaction;
  else if (code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
    recovery = Recovery::retry;
  return {recovery, what + ": " + named(code, detail), hint_of(code)};
}

Error delivery_error(rd_kafka_resp_err_t code, const std::string& topic) {
  std::string message = "a record for topic '" + topic + "' was not delivered: " + named(code, "");
  if (is_permanent(code) || is_bad_record(code)) return {Recovery::stop_topology, message, hint_of(code)};
  if (is_missing(code)) return {Recovery::retry_topology, message, "was the topic deleted?"};
  return {Recovery::abort_transaction, message, ""};
}

Error transaction_error(Handle<rd_kafka_error_t> error, TransactionCall call, rd_kafka_resp_err_t failed_delivery,
                        const std::string& failed_topic) {
  rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
  Error result{transaction_recovery(error.get(), call),
               std::string(call_name(call)) + ": " + named(code, rd_kafka_error_string(error.get())), hint_of(code)};
  if (code == RD_KAFKA_RESP_ERR__STATE)
    log(LogLevel::error, "a transactional call came at the wrong time: a defect of kstreamd, please report it",
        {{"call", call_name(call)}, {"error", rd_kafka_error_string(error.get())}});
  if (failed_delivery) {
    Error delivery = delivery_error(failed_delivery, failed_topic);
    result.message += "; " + delivery.message;
    if (delivery.recovery != Recovery::abort_transaction) {
      result.recovery = delivery.recovery;
      result.hint = delivery.hint;
    }
  }
  return result;
}

Error member_error(rd_kafka_resp_err_t code, bool fatal, const std::string& detail) {
  Recovery recovery = Recovery::retry;
  // Fenced by its own successor too: after an outage longer than the session librdkafka joins anew under the same
  // instance id, and may then be refused under the old member id. A new membership cures that. And a group of Kafka
  // Streams' is there to be taken over once its members' sessions have ended.
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL)
    recovery = Recovery::retry_topology;
  else if (fatal || is_permanent(code))
    recovery = Recovery::stop_topology;
  else if (is_missing(code))
    recovery = Recovery::retry_topology;
  return {recovery, "group membership: " + named(code, detail), hint_of(code)};
}

}  // namespace kstreamd::kafka
