#include "daemon/registry_http.h"

#include <httplib.h>
#include <openssl/x509.h>

namespace kstreamd {
namespace {

// A worker waits meanwhile, and a topology that waits too long loses its place in the group.
constexpr time_t kConnectSeconds = 3;
constexpr time_t kReadSeconds = 5;
constexpr const char* kContent = "application/vnd.schemaregistry.v1+json";

Error unreachable(std::string message, std::string hint) {
  return Error{Recovery::retry_topology, std::move(message), std::move(hint)};
}

// Why there is no answer, and what to do about it.
Error failure(httplib::Error error, const httplib::Client& client, const HttpRequest& request) {
  switch (error) {
    case httplib::Error::SSLLoadingCerts:
      return unreachable("the certificates of 'ca' cannot be read from '" + request.ca_file + "'",
                         "name a file in PEM format with the certificates that the registry's is checked by");
    case httplib::Error::SSLConnection:
      return unreachable("no TLS connection comes about",
                         "does it speak TLS? The address of one that does not is registry: http://HOST:PORT");
    case httplib::Error::SSLServerVerification: {
      const auto checked = client.get_openssl_verify_result();
      if (checked != X509_V_OK)
        return unreachable(
            std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(checked),
            request.ca_file.empty()
                ? "name the certificate of the authority that signed it: ca: FILE"
                : "'" + request.ca_file + "' is to hold the certificate of the authority that signed it: ca: FILE");
      const auto host = request.server.substr(request.server.find("://") + 3);
      return unreachable("its certificate is not for the host '" + host.substr(0, host.rfind(':')) + "'",
                         "name the registry as its certificate does; 'ca' says only which authorities are trusted");
    }
    default:
      return unreachable(httplib::to_string(error), "");
  }
}

// A connection for each request: there are as many as there are schemas.
class RegistryHttp final : public HttpTransport {
 public:
  Result<HttpReply> send(const HttpRequest& request) override {
    httplib::Client client(request.server);
    if (!client.is_valid())
      return unreachable("'" + request.server + "' is no address", "write registry: http://HOST:PORT");
    client.set_connection_timeout(kConnectSeconds);
    client.set_read_timeout(kReadSeconds);
    client.set_write_timeout(kReadSeconds);
    if (!request.user.empty()) client.set_basic_auth(request.user.c_str(), request.password.c_str());
    if (!request.ca_file.empty()) client.set_ca_cert_path(request.ca_file.c_str());
    const httplib::Headers headers{{"Accept", kContent}};
    const auto result = request.method == "POST" ? client.Post(request.path.c_str(), headers, request.body, kContent)
                                                 : client.Get(request.path.c_str(), headers);
    if (result) return HttpReply{result->status, result->body};
    return failure(result.error(), client, request);
  }
};

}  // namespace

std::shared_ptr<HttpTransport> make_registry_http() { return std::make_shared<RegistryHttp>(); }

}  // namespace kstreamd
