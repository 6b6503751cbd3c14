#include "core/serde/protobuf_schema.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <filesystem>

#include "core/base/text_file.h"

namespace kstreamd {
namespace {

namespace pb = google::protobuf;

constexpr const char* kMain = "main.proto";  // of a text without a file name
constexpr size_t kMaxFile = 4 << 20;

Error unfit(std::string message) { return Error{.message = std::move(message), .hint = "check it with protoc"}; }

// .proto files, from memory first, then from a folder.
class Texts final : public pb::compiler::SourceTree {
 public:
  Texts(std::map<std::string, std::string> files, std::string folder)
      : files_(std::move(files)), folder_(std::move(folder)) {}

  pb::io::ZeroCopyInputStream* Open(const std::string& name) override {
    auto found = files_.find(name);
    if (found == files_.end() && !folder_.empty() && name.find("..") == std::string::npos)
      if (auto content = read_text_file(folder_ + "/" + name, kMaxFile))
        found = files_.emplace(name, std::move(*content)).first;
    if (found == files_.end()) return nullptr;
    return new pb::io::ArrayInputStream(found->second.data(), static_cast<int>(found->second.size()));
  }
  std::string GetLastErrorMessage() override { return "there is no such file"; }

  // Null: not a file of these, or none that was opened.
  const std::string* find(const std::string& name) const {
    const auto found = files_.find(name);
    return found == files_.end() ? nullptr : &found->second;
  }

 private:
  std::map<std::string, std::string> files_;
  const std::string folder_;
};

// Keeps the first thing that is wrong; what follows is often its consequence. Missing imports come later, and tell
// more.
class Errors final : public pb::compiler::MultiFileErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    const std::string place = line < 0 ? "" : ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
    note(file + place + ": " + message);
  }
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    note(file + ": " + element + ": " + message);
  }
  const std::string& first() const { return first_; }

 private:
  void note(std::string message) {
    if (first_.empty()) first_ = std::move(message);
  }
  std::string first_;
};

bool is_googles(const std::string& file) { return file.starts_with("google/protobuf/"); }

// The files that a file and its imports import, each after its own imports.
void add_imported(const pb::FileDescriptor& by, std::vector<const pb::FileDescriptor*>& files) {
  for (int i = 0; i < by.dependency_count(); ++i) {
    const auto* file = by.dependency(i);
    if (is_googles(file->name()) || std::find(files.begin(), files.end(), file) != files.end()) continue;
    add_imported(*file, files);
    files.push_back(file);
  }
}

bool same_without_package(const std::string& full, const std::string& name) {
  return full == name ||
         (full.size() > name.size() && full.ends_with(name) && full[full.size() - name.size() - 1] == '.');
}

}  // namespace

// Where the descriptors come from; the pool looks at it as long as it lives.
class ProtobufSchema::Sources {
 public:
  // A .proto text.
  Sources(std::map<std::string, std::string> files, std::string folder)
      : texts_(std::move(files), std::move(folder)),
        googles_(*pb::DescriptorPool::generated_pool()),
        parsed_(std::make_unique<pb::compiler::SourceTreeDescriptorDatabase>(&texts_, &googles_)) {
    parsed_->RecordErrorsTo(&errors_);
  }
  // A descriptor set.
  Sources() : texts_({}, ""), googles_(*pb::DescriptorPool::generated_pool()) {}

  bool add(const pb::FileDescriptorProto& file) { return given_.Add(file); }
  pb::DescriptorDatabase& database() {
    if (parsed_) return *parsed_;
    return both_;
  }
  // As it was given; null of a descriptor set.
  const std::string* text(const std::string& file) const { return texts_.find(file); }
  Errors& errors() { return errors_; }

 private:
  Errors errors_;
  Texts texts_;
  pb::DescriptorPoolDatabase googles_;
  std::unique_ptr<pb::compiler::SourceTreeDescriptorDatabase> parsed_;
  pb::SimpleDescriptorDatabase given_;
  pb::MergedDescriptorDatabase both_{&given_, &googles_};
};

ProtobufSchema::ProtobufSchema() = default;
ProtobufSchema::~ProtobufSchema() = default;

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::build(std::unique_ptr<Sources> sources,
                                                                    const std::string& main) {
  // What is wrong with bytes or schemas is an error of ours; the library would write it to stderr as well.
  [[maybe_unused]] static const auto silenced = pb::SetLogHandler(nullptr);
  auto schema = std::shared_ptr<ProtobufSchema>(new ProtobufSchema);
  schema->sources_ = std::move(sources);
  auto& errors = schema->sources_->errors();
  schema->pool_ = std::make_unique<pb::DescriptorPool>(&schema->sources_->database(), &errors);
  schema->file_ = schema->pool_->FindFileByName(main);
  if (!schema->file_) return unfit("not a Protobuf schema: " + (errors.first().empty() ? main : errors.first()));
  if (schema->file_->message_type_count() == 0) return unfit("'" + main + "' has no message");
  return std::shared_ptr<const ProtobufSchema>(std::move(schema));
}

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::parse(const std::string& path,
                                                                    const std::string& content) {
  if (path.ends_with(".proto")) {
    const std::filesystem::path file(path);
    const std::string name = file.filename().string();
    const std::map<std::string, std::string> texts{{name, content}};
    return build(std::make_unique<Sources>(texts, file.parent_path().string()), name);
  }
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(content) || set.file_size() == 0)
    return Error{.message = "'" + path + "' is no descriptor set",
                 .hint = "name a .proto file, or make one with protoc --include_imports -o FILE"};
  auto sources = std::make_unique<Sources>();
  for (const auto& file : set.file())
    if (!is_googles(file.name()) && !sources->add(file)) return unfit("'" + path + "' has two files " + file.name());
  // protoc puts what is imported first.
  return build(std::move(sources), set.file(set.file_size() - 1).name());
}

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::parse(
    const std::string& text, const std::vector<std::pair<std::string, std::string>>& imports) {
  std::map<std::string, std::string> files(imports.begin(), imports.end());
  files[kMain] = text;
  return build(std::make_unique<Sources>(std::move(files), ""), kMain);
}

Result<const pb::Descriptor*> ProtobufSchema::message(const std::string& name) const {
  if (name.empty()) return file_->message_type(0);
  if (const auto* found = pool_->FindMessageTypeByName(name)) return found;
  std::string names;
  for (int i = 0; i < file_->message_type_count(); ++i) {
    if (same_without_package(file_->message_type(i)->full_name(), name)) return file_->message_type(i);
    names += (names.empty() ? "" : ", ") + file_->message_type(i)->full_name();
  }
  return Error{.message = "the schema has no message '" + name + "'", .hint = "its messages are " + names};
}

const pb::Descriptor* ProtobufSchema::message(const std::vector<int64_t>& indexes) const {
  const pb::Descriptor* type = nullptr;
  for (const int64_t index : indexes) {
    const int count = type ? type->nested_type_count() : file_->message_type_count();
    if (index < 0 || index >= count) return nullptr;
    type = type ? type->nested_type(static_cast<int>(index)) : file_->message_type(static_cast<int>(index));
  }
  return type;
}

std::unique_ptr<pb::Message> ProtobufSchema::make(const pb::Descriptor& type) const {
  return std::unique_ptr<pb::Message>(factory_.GetPrototype(&type)->New());
}

ProtobufSchema::File ProtobufSchema::registrable(const pb::FileDescriptor& file) const {
  const auto* text = sources_->text(file.name());
  File made{file.name(), text ? *text : file.DebugString(), {}};
  for (int i = 0; i < file.dependency_count(); ++i)
    if (const auto& name = file.dependency(i)->name(); !is_googles(name)) made.imports.push_back(name);
  return made;
}

ProtobufSchema::File ProtobufSchema::file() const { return registrable(*file_); }

std::vector<ProtobufSchema::File> ProtobufSchema::imported() const {
  std::vector<const pb::FileDescriptor*> imported;
  add_imported(*file_, imported);
  std::vector<File> files;
  for (const auto* file : imported) files.push_back(registrable(*file));
  return files;
}

std::vector<int64_t> message_indexes(const pb::Descriptor& type) {
  std::vector<int64_t> indexes;
  for (const auto* at = &type; at; at = at->containing_type()) indexes.insert(indexes.begin(), at->index());
  return indexes;
}

}  // namespace kstreamd
