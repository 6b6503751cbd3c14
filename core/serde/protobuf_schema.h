// Protobuf schemas: the messages of a .proto file, or of a descriptor set. Internal to core/serde. Immutable after
// loading; any thread.
#pragma once
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace kstreamd {

class ProtobufSchema {
 public:
  // What a file holds; `path` tells how to read it (.proto: text, whose imports lie in the same folder; any other: a
  // descriptor set as `protoc --include_imports -o` writes it).
  static Result<std::shared_ptr<const ProtobufSchema>> parse(const std::string& path, const std::string& content);
  // A text and what it imports, by the names of the imports. Google's own files need not be among them.
  static Result<std::shared_ptr<const ProtobufSchema>> parse(const std::string& text,
                                                             const std::map<std::string, std::string>& imports);

  // The message of a name, with or without its package; of an empty one the first. The error lists those that there
  // are.
  Result<const google::protobuf::Descriptor*> message(const std::string& name) const;
  // By the numbers of Confluent's wire format: of the message in the file, of the one within it, and so on. Null: there
  // is none.
  const google::protobuf::Descriptor* message(const std::vector<int64_t>& indexes) const;
  // A message to fill; not to be used by two threads.
  std::unique_ptr<google::protobuf::Message> make(const google::protobuf::Descriptor& type) const;

  // The .proto text, as it is registered; an error where it imports files of its own.
  Result<std::string> registrable_text() const;

 private:
  class Sources;
  ProtobufSchema();

  static Result<std::shared_ptr<const ProtobufSchema>> build(std::unique_ptr<Sources> sources, const std::string& main,
                                                             std::string text);

  std::unique_ptr<Sources> sources_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  const google::protobuf::FileDescriptor* file_ = nullptr;
  std::string text_;                                         // where it was given as text
  mutable google::protobuf::DynamicMessageFactory factory_;  // guards itself

 public:
  ~ProtobufSchema();
};

// The numbers by which Confluent's wire format names a message.
std::vector<int64_t> message_indexes(const google::protobuf::Descriptor& type);

}  // namespace kstreamd
