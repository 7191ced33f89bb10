// The server's certificate.

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tds/transport.h"

namespace weir::tds {
namespace {

Error tls_error(std::string_view what) {
  char text[256] = "";
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return Error(ErrorKind::Config, std::string(what)).cause(text);
}

SSL_CTX* new_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return nullptr;
  // TDS 7 wraps the handshake in PRELOGIN packets; clients stop wrapping when they think that it is over, and a TLS 1.3
  // server still sends session tickets then. SQL Server speaks 1.2 here.
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
  return context;
}

void add_extension(X509* certificate, int id, char const* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  if (extension == nullptr) return;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string pem_of(X509* certificate) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate);
  char* data = nullptr;
  long const size = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return pem;
}

}  // namespace

TlsContext::~TlsContext() {
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

Result<std::shared_ptr<TlsContext>> TlsContext::self_signed() {
  std::shared_ptr<TlsContext> result(new TlsContext);
  SSL_CTX* context = new_context();
  result->context_ = context;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  if (context == nullptr || key == nullptr || certificate == nullptr) return tls_error("cannot make a certificate");
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 365L * 24 * 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<unsigned char const*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  bool const ok = X509_sign(certificate, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(context, certificate) == 1 &&
                  SSL_CTX_use_PrivateKey(context, key) == 1;
  result->pem_ = pem_of(certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!ok) return tls_error("cannot make a certificate");
  return result;
}

Result<std::shared_ptr<TlsContext>> TlsContext::from_files(std::string const& certificate, std::string const& key) {
  std::shared_ptr<TlsContext> result(new TlsContext);
  SSL_CTX* context = new_context();
  result->context_ = context;
  if (context == nullptr || SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return tls_error("cannot read the certificate").object(certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return tls_error("cannot read the key").object(key);
  result->pem_ = pem_of(SSL_CTX_get0_certificate(context));
  return result;
}

}  // namespace weir::tds
