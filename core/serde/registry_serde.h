// What the serdes with a schema registry have in common: which schemas they read and write with, and what they have
// learned of them. Internal to core/serde.
//
// `Reads` is what the bytes of a writer's schema are read by, `Writes` what values are written by; both are cheap to
// copy. Thread safety: mutex_ guards what has been learned, and is not held while the registry is asked.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/serde/schema_options.h"
#include "core/serde/serde.h"

namespace kstreamd {

template <typename Reads, typename Writes>
class RegistrySerde : public Serde {
 public:
  const std::string& name() const final { return name_; }

 protected:
  // `type`: of its schemas, as the registry names it. `own`: of the file, if one is named.
  RegistrySerde(std::string name, std::string type, SchemaOptions options, std::optional<Writes> own)
      : options_(std::move(options)),
        registry_(SchemaRegistry::at(*options_.registry)),
        own_(std::move(own)),
        name_(std::move(name)),
        type_(std::move(type)) {}

  struct WrittenWith {
    int32_t id = 0;
    Writes by;
  };

  Result<Reads> read_by(int32_t id) const {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = read_by_.find(id); found != read_by_.end()) return found->second;
    }
    const auto what = "the schema with the id " + std::to_string(id);
    auto schema = of_type(registry_.by_id(id), what);
    if (!schema) return std::move(schema).error();
    auto made = reader_of(*schema);
    if (!made) return std::move(made).error().in(what);
    const std::lock_guard lock(mutex_);
    return read_by_.emplace(id, std::move(*made)).first->second;
  }

  Result<WrittenWith> written_with() const {
    {
      const std::lock_guard lock(mutex_);
      if (written_with_) return *written_with_;
    }
    auto with = options_.subject.empty() ? no_subject() : own_ ? registered() : latest();
    if (!with) {
      // Without a schema no record can be written: it is not the fault of one.
      Error error = std::move(with).error();
      error.recovery = Recovery::retry_topology;
      return error;
    }
    const std::lock_guard lock(mutex_);
    written_with_ = *with;
    return with;
  }

  const SchemaOptions options_;
  SchemaRegistry& registry_;
  const std::optional<Writes> own_;

 private:
  // The rest is of the kind of schema.
  virtual Result<Reads> reader_of(const RegisteredSchema& schema) const = 0;
  virtual Result<Writes> writer_of(const RegisteredSchema& schema) const = 0;
  // The id of the file's schema under the subject, where it is registered if options_ say so.
  virtual Result<int32_t> id_of_own() const = 0;

  Result<WrittenWith> registered() const {
    auto id = id_of_own();
    if (!id) return std::move(id).error();
    return WrittenWith{*id, *own_};
  }

  Result<WrittenWith> latest() const {
    const auto what = "subject '" + options_.subject + "'";
    auto schema = of_type(registry_.latest(options_.subject), what);
    if (!schema) return std::move(schema).error();
    auto made = writer_of(*schema);
    if (!made) return std::move(made).error().in(what);
    return WrittenWith{schema->id, std::move(*made)};
  }

  Result<RegisteredSchema> of_type(Result<RegisteredSchema> found, const std::string& what) const {
    if (!found || found->type == type_) return found;
    return Error{.message = what + " is " + found->type + ", and not " + type_, .hint = "name the serde of that kind"};
  }

  static Result<WrittenWith> no_subject() {
    return Error{.message = "the serde names no subject to write under",
                 .hint = "add subject: NAME; a topic's is TOPIC-key or TOPIC-value"};
  }

  const std::string name_;
  const std::string type_;

  mutable std::mutex mutex_;
  mutable std::map<int32_t, Reads> read_by_;  // by the writer's schema
  mutable std::optional<WrittenWith> written_with_;
};

}  // namespace kstreamd
