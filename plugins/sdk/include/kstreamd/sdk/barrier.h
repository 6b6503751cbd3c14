// The edge at which a processor's exceptions stop: runs its code so that nothing but a status leaves. Internal.
#pragma once
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kstreamd::sdk::detail {

struct Barrier {
  static std::unique_ptr<Context> make_context(const kst_host& host, kst_context* context, bool punctuates) {
    return std::unique_ptr<Context>(new Context(host, context, punctuates));
  }
  // The processor's constructor has returned.
  static void ready(Context& context) { context.ready_ = true; }

  // Tells which record of the batch the code is at, for record-at-a-time processors.
  static void at(Context& context, size_t index) { context.index_ = index; }

  // `body(records)` processes the batch; afterwards what it left collected is forwarded.
  template <typename Body>
  static kst_status process(Context& context, std::span<const Record> records, size_t* done, Body&& body) noexcept {
    std::string message;
    begin(context, records);
    kst_status status = attempt(context, message, [&] { body(records); });
    if (status != KST_OK) [[unlikely]]
      status = conclude(context, status, message, done);
    end(context);
    return status;
  }

  // The same for processors that hold records. An exception at a record that is held already is that record's end: it
  // fails as a held one, and to the host the call has gone well so far, so what follows is processed here.
  template <typename Body>
  static kst_status process_holding(Context& context, std::span<const Record> records, size_t* done,
                                    Body&& body) noexcept {
    std::vector<bool> held(records.size());  // by which part of the call, does not matter
    kst_status status = KST_OK;
    size_t from = 0, to = records.size();
    while (from < to) {
      std::string message;
      const auto part = records.subspan(from, to - from);
      begin(context, part);
      Orphans let_go;
      status = attempt(context, message, [&] { body(part); });
      const bool ended = status == KST_RECORD_ERROR && context.is_held(context.index_);
      if (status == KST_OK || status == KST_RECORD_ERROR) let_go.fail(context, ended ? message : "");
      for (size_t i = 0; i < part.size(); ++i)
        if (context.is_held(i)) held[from + i] = true;
      size_t next = ended ? from + context.index_ + 1 : to;
      if (ended)
        status = KST_OK;
      else if (status != KST_OK)
        status = conclude(context, status, message, done);
      end(context);
      if (status == KST_RECORD_ERROR) *done += from;
      if (status != KST_OK) return status;
      // The next run of records that nobody holds: a processor of batches may hold some beyond the failed one.
      while (next < records.size() && held[next]) ++next;
      for (from = to = next; to < records.size() && !held[to];) ++to;
    }
    return status;
  }

  // Runs init or punctuate: there is no record that a failure could be put down to.
  template <typename Body>
  static kst_status call(Context& context, Body&& body) noexcept {
    std::string message;
    begin(context, {});
    kst_status status = attempt(context, message, body);
    end(context);
    if (!message.empty()) fail(context.host_, context.context_, message);
    return status == KST_RECORD_ERROR ? static_cast<kst_status>(KST_FATAL) : status;
  }

  // The handle of a schedule that is due.
  static Schedule schedule(Context& context, uint64_t number) {
    return Schedule(&context.extensions_.schedule.of(context.host_), context.context_, number);
  }

  static void fail(const kst_host& host, kst_context* context, std::string_view message) noexcept {
    host.fail(context, message.data(), message.size());
  }

 private:
  // Collects the records whose Held is destroyed while an exception goes by, as long as it exists.
  class Orphans {
   public:
    Orphans() { orphans = &tokens_; }
    ~Orphans() { orphans = nullptr; }
    Orphans(const Orphans&) = delete;
    Orphans& operator=(const Orphans&) = delete;

    // `message` is what the exception said; "": it ended within the processor, or is told elsewhere.
    void fail(Context& context, std::string_view message) noexcept {
      if (tokens_.empty() && message.empty()) return;
      if (tokens_.empty())  // another thread has the record, and will finish it
        return context.log(
            Log::error, "an exception was thrown after its record was held, and is ignored: " + std::string(message));
      if (message.empty()) message = "the processor let go of the record that it held, because of an exception";
      for (const kst_token token : tokens_)
        context.extensions_.async.of(context.host_).fail(token, message.data(), message.size());
    }

   private:
    std::vector<kst_token> tokens_;
  };

  static void begin(Context& context, std::span<const Record> records) noexcept {
    context.batch_ = records;
    context.index_ = records.size() == 1 ? 0 : RecordError::kCurrent;
    context.status_ = KST_OK;
    context.held_.clear();
  }

  static void end(Context& context) noexcept {
    for (auto& collected : context.collected_) collected.clear();
    for (const kst_object* object : context.kept_objects_) object->type->release(object);
    context.kept_objects_.clear();
    context.batch_ = {};
    context.index_ = RecordError::kCurrent;
    context.chunk_ = context.next_ = context.end_ = nullptr;
  }

  // Runs the code and forwards what it left. The status of a call into the host that did not succeed beats what was
  // thrown after it; `message` stays empty then, for the host knows.
  template <typename Body>
  static kst_status attempt(Context& context, std::string& message, Body&& body) noexcept {
    kst_status status = KST_OK;
    try {
      body();
    } catch (const StopProcessing& stop) {
      status = stop.status();
    } catch (const RecordError& error) {
      if (error.index() != RecordError::kCurrent) context.index_ = error.index();
      status = KST_RECORD_ERROR;
      message = error.what();
    } catch (const FatalError& error) {
      status = KST_FATAL;
      message = error.what();
    } catch (const std::exception& error) {
      status = KST_RECORD_ERROR;
      message = error.what();
    } catch (...) {
      status = KST_RECORD_ERROR;
      message = "the processor threw something that is no std::exception";
    }
    if (context.status_ != KST_OK) [[unlikely]] {
      message.clear();
      return context.status_;
    }
    return status == KST_OK ? context.flush() : status;
  }

  // The status of a batch that did not go well.
  static kst_status conclude(Context& context, kst_status status, std::string_view message, size_t* done) noexcept {
    if (status == KST_RECORD_ERROR) {
      if (context.index_ >= context.batch_.size()) {
        fail(context.host_, context.context_,
             "a processor of batches failed without saying at which record (Context::processing, RecordError)" +
                 (message.empty() ? std::string() : ": " + std::string(message)));
        return KST_FATAL;
      }
      *done = context.index_;
      if (const kst_status flushed = context.flush(); flushed != KST_OK) return flushed;
    }
    if (!message.empty()) fail(context.host_, context.context_, message);
    return status;
  }
};

}  // namespace kstreamd::sdk::detail
