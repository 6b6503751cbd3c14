#include "tests/sim/transactions.h"

#include <algorithm>

namespace kstreamd::sim {

Transactions::Session* Transactions::add(std::string id, int process, std::unique_ptr<Producer> producer) {
  auto session = std::make_unique<Session>();
  session->id = std::move(id);
  session->process = process;
  session->producer = std::move(producer);
  sessions_.push_back(std::move(session));
  return sessions_.back().get();
}

void Transactions::taken_over(const Session& session) {
  std::erase_if(sessions_, [&](const auto& other) {
    if (other.get() == &session || other->id != session.id) return false;
    if (other->open_since) chaos_.happened(Event::takeover_fenced, other->process, other->id);
    if (other->commit_lands_at) chaos_.happened(Event::commit_fenced_late, other->process, other->id);
    other->open_since.reset();
    other->commit_lands_at.reset();
    return other->abandoned;
  });
}

void Transactions::abandon(Session& session) {
  session.abandoned = true;
  if (session.open_since && chaos_.sabotages(Sabotage::committed_crash, 500'000, session.process)) {
    (void)session.producer->commit();
    session.open_since.reset();
  }
  if (!session.open_since && !session.commit_lands_at)
    std::erase_if(sessions_, [&](const auto& other) { return other.get() == &session; });
}

bool Transactions::inherit(Session& session) {
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    const auto& other = *at;
    if (!other->abandoned || other->id != session.id || !other->commit_lands_at) continue;
    if (!other->producer->abort()) return false;
    session.producer = std::move(other->producer);
    session.commit_lands_at = other->commit_lands_at;
    sessions_.erase(at);
    return true;
  }
  return false;
}

void Transactions::step() {
  const Duration now = chaos_.clock.now();
  for (size_t i = 0; i < sessions_.size(); ++i) {
    Session& session = *sessions_[i];
    if (session.commit_lands_at && now >= *session.commit_lands_at) {
      session.commit_lands_at.reset();
      session.open_since.reset();
      const bool done = session.producer->commit().ok();
      chaos_.happened(done ? Event::commit_landed_late : Event::commit_fenced_late, session.process, session.id);
    }
    if (session.open_since && now >= *session.open_since + chaos_.plan.transaction_timeout) {
      session.open_since.reset();
      chaos_.happened(Event::transaction_timed_out, session.process, session.id);
      time_out(session.id);
    }
  }
  std::erase_if(sessions_, [](const auto& s) { return s->abandoned && !s->open_since && !s->commit_lands_at; });
}

// As a coordinator does: the epoch moves on, the transaction is aborted, and who held it is fenced.
void Transactions::time_out(const std::string& id) {
  auto coordinator = cluster_.make_producer({id});
  if (coordinator) (void)(*coordinator)->init(Duration(0));
}

}  // namespace kstreamd::sim
