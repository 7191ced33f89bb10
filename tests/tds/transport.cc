#include "tds/transport.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace weir::tds {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::size_t kMaxMessage = 256u << 20;

Error gone(std::string_view what) {
  return Error(ErrorKind::Unavailable, fmt::format("the client went away while {}", what));
}

}  // namespace

// TLS between two memory buffers: what goes on the wire is in our hands, since the handshake hides in PRELOGIN packets.
struct Transport::Tls {
  SSL* ssl = nullptr;
  BIO* from_client = nullptr;
  BIO* to_client = nullptr;
  ~Tls() { SSL_free(ssl); }
};

Transport::Transport(int socket) : socket_(socket) {}

Transport::~Transport() {
  close();
}

void Transport::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Transport::interrupt() {
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

Status Transport::receive_plain(char* to, std::size_t size, std::size_t& got) {
  while (true) {
    ssize_t const count = ::recv(socket_, to, size, 0);
    if (count > 0) return got = static_cast<std::size_t>(count), Status();
    if (count < 0 && errno == EINTR) continue;
    return gone("its request was read");
  }
}

Status Transport::send_plain(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t const size = drip_bytes_ != 0 ? std::min<std::size_t>(drip_bytes_, bytes.size()) : bytes.size();
    ssize_t const count = ::send(socket_, bytes.data(), size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return gone("its reply was sent");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    if (drip_bytes_ != 0) std::this_thread::sleep_for(std::chrono::milliseconds(drip_ms_));
  }
  return {};
}

Status Transport::send_all(std::string_view bytes) {
  if (tls_ == nullptr) return send_plain(bytes);
  while (!bytes.empty()) {
    std::size_t written = 0;
    std::size_t const piece = std::min<std::size_t>(bytes.size(), 16384);
    if (SSL_write_ex(tls_->ssl, bytes.data(), piece, &written) != 1) return gone("its reply was encrypted");
    bytes.remove_prefix(written);
    char* data = nullptr;
    long const size = BIO_get_mem_data(tls_->to_client, &data);
    WEIR_DO(send_plain(std::string_view(data, static_cast<std::size_t>(size))));
    (void)BIO_reset(tls_->to_client);
  }
  return {};
}

Status Transport::read_exactly(char* to, std::size_t size) {
  while (size > 0) {
    if (!unread_.empty()) {
      std::size_t const take = std::min(size, unread_.size());
      std::memcpy(to, unread_.data(), take);
      unread_.erase(0, take);
      to += take;
      size -= take;
      continue;
    }
    std::size_t got = 0;
    if (tls_ == nullptr) {
      WEIR_DO(receive_plain(to, size, got));
      to += got;
      size -= got;
      continue;
    }
    int const done = SSL_read_ex(tls_->ssl, to, size, &got);
    if (done == 1) {
      to += got;
      size -= got;
      continue;
    }
    if (SSL_get_error(tls_->ssl, done) != SSL_ERROR_WANT_READ) return gone("its request was decrypted");
    char buffer[16384];
    std::size_t received = 0;
    WEIR_DO(receive_plain(buffer, sizeof buffer, received));
    BIO_write(tls_->from_client, buffer, static_cast<int>(received));
  }
  return {};
}

Result<Message> Transport::read_message() {
  Message message;
  bool first = true;
  while (true) {
    unsigned char header[kHeader];
    WEIR_DO(read_exactly(reinterpret_cast<char*>(header), sizeof header));
    std::size_t const length = static_cast<std::size_t>(header[2]) << 8 | header[3];
    if (length < kHeader) return Error(ErrorKind::Data, "a packet is shorter than its header");
    if (first) message.type = static_cast<PacketType>(header[0]), message.status = header[1];
    first = false;
    std::size_t const at = message.body.size();
    if (at + length > kMaxMessage) return Error(ErrorKind::Data, "a message is longer than 256 MiB");
    message.body.resize(at + length - kHeader);
    WEIR_DO(read_exactly(message.body.data() + at, length - kHeader));
    if ((header[1] & 1) != 0) return message;
  }
}

Status Transport::send_packets(std::size_t payload, bool last) {
  std::size_t const room = packet_size_ - kHeader;
  wire_.clear();
  std::size_t at = 0;
  do {
    std::size_t const size = std::min(room, payload - at);
    bool const end = last && at + size == payload;
    char header[kHeader] = {static_cast<char>(reply_type_),
                            static_cast<char>(end ? 1 : 0),
                            static_cast<char>((size + kHeader) >> 8),
                            static_cast<char>((size + kHeader) & 0xff),
                            static_cast<char>(spid_ >> 8),
                            static_cast<char>(spid_ & 0xff),
                            static_cast<char>(packet_number_++),
                            0};
    wire_.append(header, sizeof header);
    wire_.append(out_, at, size);
    at += size;
  } while (at < payload);
  return send_all(wire_);
}

Status Transport::flush_full() {
  constexpr std::size_t kBlock = 128 * 1024;
  if (out_.size() < kBlock) return {};
  std::size_t const room = packet_size_ - kHeader;
  // One packet is kept back: the last one of a message carries the end mark.
  std::size_t const whole = (out_.size() - 1) / room * room;
  if (whole == 0) return {};
  WEIR_DO(send_packets(whole, false));
  out_.erase(0, whole);
  return {};
}

Status Transport::end_message() {
  WEIR_DO(send_packets(out_.size(), true));
  out_.clear();
  packet_number_ = 1;
  return {};
}

Status Transport::flush_open() {
  if (out_.empty()) return {};
  WEIR_DO(send_packets(out_.size(), false));
  out_.clear();
  return {};
}

void Transport::die_after_rows() {
  (void)flush_open().ok();
  interrupt();
}

void Transport::die_inside_packet() {
  std::size_t const room = packet_size_ - kHeader;
  std::size_t const whole = out_.size() / room * room;
  if (whole > 0 && !send_packets(whole, false).ok()) return interrupt();
  out_.erase(0, whole);
  // The header promises a full packet, half of what is left follows.
  std::size_t const promised = packet_size_;
  char const header[kHeader] = {static_cast<char>(reply_type_),     0, static_cast<char>(promised >> 8),
                                static_cast<char>(promised & 0xff), 0, 0,
                                static_cast<char>(packet_number_),  0};
  (void)send_all(std::string(header, sizeof header) + out_.substr(0, out_.size() / 2)).ok();
  interrupt();
}

bool Transport::wait_readable(int milliseconds) {
  if (!unread_.empty() || (tls_ != nullptr && (SSL_pending(tls_->ssl) > 0 || BIO_ctrl_pending(tls_->from_client) > 0)))
    return true;
  pollfd one{socket_, POLLIN, 0};
  return ::poll(&one, 1, milliseconds) > 0;
}

bool Transport::attention_arrived(bool& is_gone) {
  is_gone = false;
  if (unread_.empty() && !wait_readable(0)) return false;
  char peeked[1];
  if (tls_ == nullptr && unread_.empty() && ::recv(socket_, peeked, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
    return is_gone = true, false;
  char header[kHeader];
  if (!read_exactly(header, sizeof header).ok()) return is_gone = true, false;
  if (static_cast<PacketType>(header[0]) == PacketType::Attention) return true;
  unread_.insert(0, header, sizeof header);  // a request sent ahead: for later
  return false;
}

Status Transport::handshake_write() {
  char* data = nullptr;
  long const size = BIO_get_mem_data(tls_->to_client, &data);
  if (size <= 0) return {};
  std::string_view bytes(data, static_cast<std::size_t>(size));
  while (!bytes.empty()) {
    std::size_t const piece = std::min<std::size_t>(bytes.size(), 4096 - kHeader);
    bool const last = piece == bytes.size();
    std::string packet = {static_cast<char>(PacketType::PreLogin),
                          static_cast<char>(last ? 1 : 0),
                          static_cast<char>((piece + kHeader) >> 8),
                          static_cast<char>((piece + kHeader) & 0xff),
                          0,
                          0,
                          static_cast<char>(packet_number_++),
                          0};
    packet.append(bytes.substr(0, piece));
    WEIR_DO(send_plain(packet));
    bytes.remove_prefix(piece);
  }
  packet_number_ = 1;
  (void)BIO_reset(tls_->to_client);
  return {};
}

Status Transport::handshake_read() {
  unsigned char header[kHeader];
  std::size_t have = 0;
  while (have < sizeof header) {
    std::size_t got = 0;
    WEIR_DO(receive_plain(reinterpret_cast<char*>(header) + have, sizeof header - have, got));
    have += got;
  }
  std::size_t left = (static_cast<std::size_t>(header[2]) << 8 | header[3]) - kHeader;
  if (static_cast<PacketType>(header[0]) != PacketType::PreLogin || left > 65535)
    return Error(ErrorKind::Data, "the client left the TLS handshake");
  std::string body(left, '\0');
  for (std::size_t at = 0; at < body.size();) {
    std::size_t got = 0;
    WEIR_DO(receive_plain(body.data() + at, body.size() - at, got));
    at += got;
  }
  BIO_write(tls_->from_client, body.data(), static_cast<int>(body.size()));
  return {};
}

Status Transport::start_tls(TlsContext const& context) {
  tls_ = std::make_unique<Tls>();
  tls_->ssl = SSL_new(static_cast<SSL_CTX*>(context.handle()));
  tls_->from_client = BIO_new(BIO_s_mem());
  tls_->to_client = BIO_new(BIO_s_mem());
  SSL_set_bio(tls_->ssl, tls_->from_client, tls_->to_client);
  SSL_set_accept_state(tls_->ssl);
  while (true) {
    int const done = SSL_do_handshake(tls_->ssl);
    int const reason = SSL_get_error(tls_->ssl, done);
    WEIR_DO(handshake_write());
    if (done == 1) return {};
    if (reason != SSL_ERROR_WANT_READ) {
      tls_.reset();
      return Error(ErrorKind::Unavailable, "the TLS handshake failed");
    }
    WEIR_DO(handshake_read());
  }
}

void Transport::stop_tls() {
  tls_.reset();
}

}  // namespace weir::tds
