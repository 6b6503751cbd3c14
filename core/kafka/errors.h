// The one place that reads librdkafka's error codes. Internal to core/kafka.
#pragma once
#include <librdkafka/rdkafka.h>

#include <string>

#include "core/base/result.h"
#include "core/kafka/handles.h"

namespace kstreamd::kafka {

// An error outside transactions, named by `what` ("create topic 'x'").
Error plain_error(rd_kafka_resp_err_t code, const std::string& what, const std::string& detail = "");
// The broker did not answer in time. `cause`: what the client last heard about its connections.
Error unreachable(const std::string& bootstrap, const std::string& cause);
// Whether a call that failed so has reached nobody, or nobody answered.
bool is_unreachable(rd_kafka_resp_err_t code);
Error missing_topic(const std::string& topic);

enum class TransactionCall { init, begin, send_offsets, commit, abort };

// An error of a transactional call. `failed_delivery` is that of the transaction's records, if one failed: it is the
// cause of most aborts, and one that would come again each time must not be retried.
Error transaction_error(Handle<rd_kafka_error_t> error, TransactionCall call, rd_kafka_resp_err_t failed_delivery,
                        const std::string& failed_topic);

// The failure of a record, by delivery report or at once. Recovery::abort_transaction stands for "passes".
Error delivery_error(rd_kafka_resp_err_t code, const std::string& topic);

// An error event of a group member. Recovery::retry: the membership goes on.
Error member_error(rd_kafka_resp_err_t code, bool fatal, const std::string& detail);

}  // namespace kstreamd::kafka
