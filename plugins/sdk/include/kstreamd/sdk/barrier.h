// The edge at which a processor's exceptions stop: runs its code so that nothing but a status leaves. Internal.
#pragma once
#include <kstreamd/sdk/context.h>
#include <kstreamd/sdk/errors.h>

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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
  static void begin(Context& context, std::span<const Record> records) noexcept {
    context.batch_ = records;
    context.index_ = records.size() == 1 ? 0 : RecordError::kCurrent;
    context.status_ = KST_OK;
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
