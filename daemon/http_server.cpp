#include "daemon/http_server.h"

#include <httplib.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace kstreamd {
namespace {

constexpr size_t kMaxThreads = 8;
constexpr size_t kMaxBody = size_t{32} << 20;

// Connections wait for one of a few threads, which are made when nobody is idle. Any thread may enqueue.
class FewThreads final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> job) override {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (idle_ < jobs_.size() && threads_.size() < kMaxThreads)
      threads_.emplace_back([this] { work(); });
    else
      wake_.notify_one();
  }
  void shutdown() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      --idle_;
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;  // guarded by mutex_, as all below
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

ApiRequest request_of(const httplib::Request& request) {
  ApiRequest result;
  result.method = request.method;
  result.path = request.path;
  for (const auto& [name, value] : request.params) result.query.emplace(name, value);
  result.body = request.body;
  result.content_type = request.get_header_value("Content-Type");
  result.authorization = request.get_header_value("Authorization");
  result.host = request.get_header_value("Host");
  return result;
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpApi& api) {
    const auto answer = [&api](const httplib::Request& request, httplib::Response& response) {
      const ApiResponse result = api.handle(request_of(request));
      response.status = result.status;
      response.set_content(result.body, result.content_type);
    };
    server_.Get(".*", answer);
    server_.Post(".*", answer);
    server_.Put(".*", answer);
    server_.Delete(".*", answer);
    // What httplib refuses by itself (a body too large, a malformed request).
    server_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      const ApiResponse result = error_response(response.status, "http", "the request was refused", "");
      response.set_content(result.body, result.content_type);
    });
    server_.new_task_queue = [] { return new FewThreads; };
    server_.set_payload_max_length(kMaxBody);
    server_.set_keep_alive_timeout(2);
    server_.set_read_timeout(10);
    server_.set_write_timeout(10);
    server_.set_tcp_nodelay(true);
    // SO_REUSEADDR alone: httplib's default would let two daemons share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
  }
  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status bind(const Address& listen) {
    address_ = listen;
    errno = 0;
    if (listen.port == 0) {
      const int port = server_.bind_to_any_port(listen.host);
      if (port > 0) address_.port = static_cast<uint16_t>(port);
    }
    if (address_.port == 0 || (listen.port != 0 && !server_.bind_to_port(listen.host, listen.port)))
      return Error{Recovery::stop_topology,
                   "cannot listen on " + listen.text() + (errno ? std::string(": ") + std::strerror(errno) : ""),
                   "another daemon may run there; choose another with --listen HOST:PORT (port 0: any free one)"};
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() would be lost on a server that is not running yet.
    while (!server_.is_running()) std::this_thread::yield();
    return {};
  }
  const Address& address() const { return address_; }

 private:
  httplib::Server server_;
  Address address_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
const Address& HttpServer::address() const { return impl_->address(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Address& listen, HttpApi& api) {
  auto impl = std::make_unique<Impl>(api);
  KSTREAMD_TRY(impl->bind(listen));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace kstreamd
