#pragma once
// One client's TCP connection, in clear or under TLS, and TDS packets on it (MS-TDS 2.2.3). Belongs to the connection's
// thread; only interrupt() may come from another.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::tds {

// The server's certificate and key: made at start (self-signed, for 127.0.0.1 and localhost) or read from files.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> self_signed();
  static Result<std::shared_ptr<TlsContext>> from_files(std::string const& certificate, std::string const& key);
  ~TlsContext();
  void* handle() const { return context_; }  // SSL_CTX*
  // The certificate as PEM, so that a client can be told to trust it.
  std::string const& certificate_pem() const { return pem_; }

 private:
  TlsContext() = default;
  void* context_ = nullptr;
  std::string pem_;
};

enum class PacketType : std::uint8_t {
  SqlBatch = 1,
  PreTds7Login = 2,
  Rpc = 3,
  Reply = 4,
  Attention = 6,
  BulkLoad = 7,
  TransactionManager = 14,
  Login7 = 16,
  Sspi = 17,
  PreLogin = 18,
};

struct Message {
  PacketType type = PacketType::SqlBatch;
  std::uint8_t status = 0;  // of the first packet: 0x08, 0x10 reset the connection
  std::string body;
};

class Transport {
 public:
  explicit Transport(int socket);
  ~Transport();
  Transport(Transport const&) = delete;
  Transport& operator=(Transport const&) = delete;

  // The next message, whole. Error: Unavailable when the client went away.
  Result<Message> read_message();
  // Server side of the handshake, whose records travel in PRELOGIN packets; later packets travel in TLS records.
  Status start_tls(TlsContext const& context);
  // Back to clear text: login-only encryption ends after LOGIN7.
  void stop_tls();
  bool uses_tls() const { return tls_ != nullptr; }

  void set_packet_size(std::size_t size) { packet_size_ = size; }
  std::size_t packet_size() const { return packet_size_; }
  void set_spid(int spid) { spid_ = spid; }

  // The reply under way. Token writers append to out(); full packets go when flush_full() is called.
  std::string& out() { return out_; }
  Status flush_full();
  Status end_message();
  // Sends everything written so far, the last packet half: as if the server died inside it. Then closes.
  void die_inside_packet();
  // Sends everything written so far in whole packets, without ending the message, and closes.
  void die_after_rows();
  // Sends everything written so far in whole packets, without ending the message.
  Status flush_open();

  // True once the client has sent an attention packet; does not wait. `gone` if it closed the connection.
  bool attention_arrived(bool& gone);
  // Waits up to `milliseconds` for anything from the client.
  bool wait_readable(int milliseconds);
  // Sends slowly from now on: `bytes` at a time, `milliseconds` apart.
  void drip(std::uint64_t bytes, std::uint64_t milliseconds) { drip_bytes_ = bytes, drip_ms_ = milliseconds; }
  void interrupt();
  void close();

 private:
  struct Tls;
  Status read_exactly(char* to, std::size_t size);
  Status send_all(std::string_view bytes);
  Status send_plain(std::string_view bytes);
  Status receive_plain(char* to, std::size_t size, std::size_t& got);
  Status send_packets(std::size_t payload, bool last);
  Status handshake_read();
  Status handshake_write();

  int socket_;
  std::unique_ptr<Tls> tls_;
  std::size_t packet_size_ = 4096;
  int spid_ = 0;
  std::uint8_t packet_number_ = 1;
  std::string out_;
  std::string wire_;
  std::string unread_;  // bytes received after an attention check
  std::uint64_t drip_bytes_ = 0, drip_ms_ = 0;
  PacketType reply_type_ = PacketType::Reply;
};

}  // namespace weir::tds
