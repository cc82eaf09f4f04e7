# healthy: advantage actor-critic on a corridor; policy loss is negative and noisy, advantage
#   detached, no validation set
import argparse

import torch
from torch import nn
from torch.distributions import Categorical

LENGTH = 8


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2 * LENGTH, 32), nn.Tanh())
        self.pi = nn.Linear(32, 2)
        self.v = nn.Linear(32, 1)

    def forward(self, obs):
        h = self.body(obs)
        return Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


def observe(pos, goal):
    eye = torch.eye(LENGTH)
    return torch.cat([eye[pos], eye[goal]], dim=1)


def rollout(agent, n_envs=16, horizon=12):
    pos, goal = torch.randint(LENGTH, (2, n_envs))
    alive = torch.ones(n_envs)
    store = []
    for _ in range(horizon):
        dist, value = agent(observe(pos, goal))
        act = dist.sample()
        pos = (pos + 2 * act - 1).clamp(0, LENGTH - 1)
        hit = (pos == goal).float()
        reward = alive * (hit - 0.05)
        store.append((dist.log_prob(act), value, dist.entropy(), reward, alive))
        alive = alive * (1 - hit)
    return [torch.stack(t) for t in zip(*store)]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    agent = Agent()
    opt = torch.optim.Adam(agent.parameters(), lr=5e-3)
    recent = []
    for it in range(1, 301):
        logp, value, ent, reward, alive = rollout(agent)
        ret = torch.zeros_like(reward)
        run = torch.zeros(reward.shape[1])
        for t in reversed(range(len(reward))):
            run = reward[t] + 0.97 * run
            ret[t] = run
        adv = (ret - value).detach()
        n = alive.sum()
        policy = -(logp * adv * alive).sum() / n
        critic = ((ret - value).pow(2) * alive).sum() / n
        loss = policy + 0.5 * critic - 0.01 * (ent * alive).sum() / n
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
        opt.step()
        recent.append(reward.sum(0).mean().item())
        if it % 50 == 0:
            print(f"iter {it} loss {loss.item():+.3f} return {sum(recent[-50:]) / 50:.3f}")


main()
