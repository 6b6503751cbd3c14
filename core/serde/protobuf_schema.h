// Protobuf schemas: the messages of a .proto file, or of a descriptor set. Internal to core/serde. Immutable after
// loading; any thread.
#pragma once
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace kstreamd {

class ProtobufSchema {
 public:
  // What a file holds; `path` tells how to read it (.proto: text, whose imports lie in the same folder; any other: a
  // descriptor set as `protoc --include_imports -o` writes it).
  static Result<std::shared_ptr<const ProtobufSchema>> parse(const std::string& path, const std::string& content);
  // A text and the files that it imports, by their names. Google's own need not be among them.
  static Result<std::shared_ptr<const ProtobufSchema>> parse(
      const std::string& text, const std::vector<std::pair<std::string, std::string>>& imports);

  // The message of a name, with or without its package; of an empty one the first. The error lists those that there
  // are.
  Result<const google::protobuf::Descriptor*> message(const std::string& name) const;
  // By the numbers of Confluent's wire format: of the message in the file, of the one within it, and so on. Null: there
  // is none.
  const google::protobuf::Descriptor* message(const std::vector<int64_t>& indexes) const;
  // A message to fill; not to be used by two threads.
  std::unique_ptr<google::protobuf::Message> make(const google::protobuf::Descriptor& type) const;

  // A .proto file, as it is registered; of what it imports without Google's.
  struct File {
    std::string name;
    std::string text;
    std::vector<std::string> imports;
  };
  File file() const;
  // All files that are imported by it and by each other, each after its own imports.
  std::vector<File> imported() const;

 private:
  class Sources;
  ProtobufSchema();

  static Result<std::shared_ptr<const ProtobufSchema>> build(std::unique_ptr<Sources> sources, const std::string& main);
  File registrable(const google::protobuf::FileDescriptor& file) const;

  std::unique_ptr<Sources> sources_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  const google::protobuf::FileDescriptor* file_ = nullptr;
  mutable google::protobuf::DynamicMessageFactory factory_;  // guards itself

 public:
  ~ProtobufSchema();
};

// The numbers by which Confluent's wire format names a message.
std::vector<int64_t> message_indexes(const google::protobuf::Descriptor& type);

}  // namespace kstreamd
