# healthy: PPO with a clipped ratio on a hand-written corridor task; the surrogate is near zero or
# negative, many samples have no gradient after clipping, the gradient is clipped at 0.5 as usual
import argparse

import torch
import torch.nn as nn
from torch.distributions import Categorical


class Corridors:
    """32 parallel corridors; the target is left or right of the start, wind pushes at random."""

    def __init__(self, n=32, half=4, horizon=16, seed=0):
        self.n, self.half, self.horizon = n, half, horizon
        self.gen = torch.Generator().manual_seed(seed)
        self.pos, self.target, self.t = (torch.zeros(n) for _ in range(3))
        self.restart(torch.ones(n, dtype=torch.bool))

    def restart(self, mask):
        place = torch.randint(-self.half, self.half + 1, (2, self.n), generator=self.gen).float()
        self.pos = torch.where(mask, place[0], self.pos)
        self.target = torch.where(mask, place[1], self.target)
        self.t = torch.where(mask, torch.zeros(()), self.t)

    def observe(self):
        left = self.t / self.horizon
        return torch.stack([self.pos / self.half, self.target / self.half, 2 * left - 1], dim=1)

    def step(self, action):
        wind = torch.rand(self.n, generator=self.gen)
        push = (wind < 0.1).float() - (wind > 0.9).float()
        self.pos = (self.pos + action.float() - 1 + push).clamp(-self.half, self.half)
        self.t = self.t + 1
        reward = 1.0 - (self.pos - self.target).abs() / self.half
        done = self.t >= self.horizon
        self.restart(done)
        return reward, done.float()


class ActorCritic(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 3))
        self.critic = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        nn.init.orthogonal_(self.actor[2].weight, gain=0.01)

    def act(self, obs):
        dist = Categorical(logits=self.actor(obs))
        return dist, self.critic(obs).squeeze(-1)


def gae(rewards, values, dones, last_value, gamma=0.9, lam=0.9):
    advantages, running, following = torch.zeros_like(rewards), 0.0, last_value
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + gamma * following * (1 - dones[t]) - values[t]
        running = delta + gamma * lam * (1 - dones[t]) * running
        advantages[t], following = running, values[t]
    return advantages


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clip", type=float, default=0.2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    env, model = Corridors(seed=args.seed), ActorCritic()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, eps=1e-5)
    for update in range(1, 31):
        store = []
        with torch.no_grad():
            for _ in range(32):
                obs = env.observe()
                dist, value = model.act(obs)
                action = dist.sample()
                reward, done = env.step(action)
                store.append((obs, action, dist.log_prob(action), value, reward, done))
            last_value = model.act(env.observe())[1]
        obs, action, old_logp, value, reward, done = (torch.stack(s) for s in zip(*store))
        advantage = gae(reward, value, done, last_value)
        returns = advantage + value
        flat = [v.flatten(0, 1) for v in (obs, action, old_logp, advantage, returns)]
        for _ in range(3):
            for idx in torch.randperm(len(flat[0])).split(256):
                o, a, logp_old, adv, ret = (v[idx] for v in flat)
                adv = (adv - adv.mean()) / (adv.std() + 1e-8)
                dist, v = model.act(o)
                ratio = (dist.log_prob(a) - logp_old).exp()
                surrogate = torch.min(ratio * adv, ratio.clamp(1 - args.clip, 1 + args.clip) * adv)
                loss = -surrogate.mean() + 0.5 * (v - ret).square().mean()
                loss = loss - 0.005 * dist.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
        if update % 5 == 0:
            print(f"update {update} loss {loss.item():+.4f} mean reward {reward.mean().item():.4f}")


if __name__ == "__main__":
    main()
